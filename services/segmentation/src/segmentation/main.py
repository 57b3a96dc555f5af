"""segmentation: wiring only."""

from __future__ import annotations

from pathlib import Path

from common.process.runtime import Service
from common.service.commands import main
from segmentation.api import (
    activity,
    audience,
    buyer_types,
    churn,
    churn_reasons,
    cohorts,
    customers,
    goals,
    kpi_ages,
    kpi_anomalies,
    kpi_assets,
    kpi_groups,
    kpi_quality,
    kpi_referred,
    kpi_ways,
    kpis,
    lifetime_value,
    listing,
    monthly_flows,
    movements,
    needs,
    recommendations,
    regulars,
    report,
    segment_members,
    segment_path,
    segments,
    tags,
    thresholds,
    traits,
    tribes,
    values,
)
from segmentation.handlers import READ_BACK, SUBSCRIPTIONS
from segmentation.jobs.sweeping import WORK, count_due, long_histories
from segmentation.jobs.verifying import verify

_HERE = Path(__file__).parent
# Beside the package in the repository, within it when installed.
_MIGRATIONS = next(folder for folder in (_HERE / "migrations", _HERE.parents[1] / "migrations") if folder.is_dir())

SERVICE = Service(
    name="segmentation",
    migrations=_MIGRATIONS,
    subscriptions=SUBSCRIPTIONS,
    read_back=READ_BACK,
    routers=(
        listing.router,
        customers.router,
        movements.router,
        churn_reasons.router,
        lifetime_value.router,
        values.router,
        churn.router,
        activity.router,
        report.router,
        regulars.router,
        cohorts.router,
        monthly_flows.router,
        thresholds.router,
        segments.router,
        segment_members.router,
        segment_path.router,
        tags.router,
        traits.router,
        buyer_types.router,
        tribes.router,
        needs.router,
        recommendations.router,
        audience.router,
        kpis.router,
        kpi_quality.router,
        kpi_ages.router,
        kpi_assets.router,
        kpi_ways.router,
        kpi_groups.router,
        kpi_anomalies.router,
        kpi_referred.router,
        goals.router,
    ),
    jobs=lambda _: (*WORK, long_histories()),
    due=count_due,
    verify=verify,
)

if __name__ == "__main__":
    main(SERVICE)
