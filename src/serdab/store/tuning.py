"""The settings of the embedded PostgreSQL: for this use, and for this machine's memory."""

from __future__ import annotations

import psutil

_MB = 1 << 20


def planned_memory_mb(memory_mb: int) -> int:
    """Shared memory of the server, MB: as set, or for 0 a tenth of the machine's within bounds."""
    return memory_mb or int(min(max(psutil.virtual_memory().total // _MB // 10, 128), 4096))


def server_settings(memory_mb: int, port: int, socket_folder: str) -> dict[str, str]:
    """What goes into its configuration file.

    Args:
        memory_mb: memory to plan with; 0 means a tenth of the machine's.
        port: TCP port on loopback, also part of the socket's name.
        socket_folder: where its unix socket is.
    """
    shared_mb = planned_memory_mb(memory_mb)
    return {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": socket_folder,
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        "password_encryption": "scram-sha-256",
        # What is committed is never lost.
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        # Memory.
        "shared_buffers": f"{shared_mb}MB",
        "effective_cache_size": f"{shared_mb * 3}MB",
        "maintenance_work_mem": "128MB",
        "work_mem": "16MB",
        "huge_pages": "try",
        # Writes come as a steady stream of appends: few, spread checkpoints.
        "wal_buffers": "64MB",
        "max_wal_size": "4GB",
        "min_wal_size": "1GB",
        "checkpoint_timeout": "5min",
        "checkpoint_completion_target": "0.9",
        "wal_compression": "off",
        "wal_level": "replica",
        "jit": "off",
        # The queue is vacuumed quickly, in many small rounds. History is only appended to: its new pages are looked at
        # and frozen while their full images are still in the log. Seldom and late means all images once more, a
        # gigabyte in a few seconds, and starts that wait for it.
        "autovacuum_naptime": "10s",
        "autovacuum_vacuum_cost_limit": "400",
        "autovacuum_vacuum_insert_scale_factor": "0",
        "autovacuum_vacuum_insert_threshold": "100000",
        "vacuum_freeze_min_age": "0",
        # Nobody may hold a transaction open for long.
        "idle_in_transaction_session_timeout": "5min",
        "log_line_prefix": "%m [%p] %a ",
        "log_checkpoints": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }


def as_configuration(settings: dict[str, str]) -> str:
    """Text of a configuration file."""
    quoted = {name: value.replace("'", "''") for name, value in settings.items()}
    return "# Written by Serdab at every start.\n" + "".join(f"{name} = '{value}'\n" for name, value in quoted.items())
