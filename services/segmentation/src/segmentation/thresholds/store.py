"""Versions of a shop's thresholds: added, never changed."""

from __future__ import annotations

from common.versions.table import VersionTable
from segmentation.thresholds.state import Thresholds

THRESHOLDS = VersionTable("thresholds", Thresholds)
