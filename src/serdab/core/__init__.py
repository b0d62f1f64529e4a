"""What every part stands on: errors, settings, ids, logs. Standard library and msgspec only."""

from serdab.core.atomic import atomic_file
from serdab.core.collector import calm_collector
from serdab.core.endings import finish
from serdab.core.errors import BadInput, BadSetting, SerdabError, Unavailable, expected
from serdab.core.folders import owner_only, private_folder
from serdab.core.ids import MOST_IN_BLOCK, Ids, at, steady_now, time_of
from serdab.core.logs import log_folder, start_logging
from serdab.core.outputs import open_output, trim, trimming
from serdab.core.redaction import without_passwords
from serdab.core.settings import (
    SECRET_SETTINGS,
    DatabaseSettings,
    DocumentsSettings,
    FlowSettings,
    GuardSettings,
    HttpSettings,
    LogSettings,
    ModelsSettings,
    PlanSettings,
    Settings,
    WorkersSettings,
    child_environment,
    load_settings,
    manager_variables,
    setting_names,
    stranger_environment,
    values_of,
    variable_of,
)

__all__ = [
    "MOST_IN_BLOCK",
    "SECRET_SETTINGS",
    "BadInput",
    "BadSetting",
    "DatabaseSettings",
    "DocumentsSettings",
    "FlowSettings",
    "GuardSettings",
    "HttpSettings",
    "Ids",
    "LogSettings",
    "ModelsSettings",
    "PlanSettings",
    "SerdabError",
    "Settings",
    "Unavailable",
    "WorkersSettings",
    "at",
    "atomic_file",
    "calm_collector",
    "child_environment",
    "expected",
    "finish",
    "load_settings",
    "log_folder",
    "manager_variables",
    "open_output",
    "owner_only",
    "private_folder",
    "setting_names",
    "start_logging",
    "steady_now",
    "stranger_environment",
    "time_of",
    "trim",
    "trimming",
    "values_of",
    "variable_of",
    "without_passwords",
]
