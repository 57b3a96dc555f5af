"""What people of the shop must do, as one queue (XCT-003)."""
