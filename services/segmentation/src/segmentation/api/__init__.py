"""What may the shop's people and backends ask segmentation?"""
