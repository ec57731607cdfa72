"""The one call that every process makes first."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from streaming_worker.config.added_fees import added_rows
from streaming_worker.config.alerts import alerts_config
from streaming_worker.config.build import engine_settings, fee_warnings, feed_configs, paths_base, texts_of
from streaming_worker.config.document import Document, read_document
from streaming_worker.config.model import (
    ApiConfig,
    BackupConfig,
    CaptureConfig,
    Config,
    DagsterConfig,
    DiskConfig,
    GatewayConfig,
    IntegrityConfig,
    PathsConfig,
    RetentionConfig,
    SmtpConfig,
    TracingConfig,
    VenuesConfig,
    WorkerConfig,
)
from streaming_worker.errors import ConfigError

_MOST_DIGITS: Final = 6


def load_config(path: Path | None, environ: Mapping[str, str]) -> Config:
    """Return the settings of profile, file and environment.

    ``path`` None means the file that ARB_CONFIG names, or none. Raises: ConfigError with one line naming the key and
    the allowed values.
    """
    document = read_document(path, environ)
    worker = WorkerConfig(name=document.text("worker.name"))
    paths = PathsConfig(data_dir=paths_base(document), worker=worker.name)
    document.added_fees = added_rows(paths.state)
    feeds = feed_configs(document)
    engine = engine_settings(document, feeds)
    return Config(
        profile=document.text("profile"),
        worker=worker,
        paths=paths,
        capture=_capture(document),
        disk=_disk(document),
        retention=_retention(document),
        backup=_backup(document),
        integrity=_integrity(document),
        gateway=GatewayConfig(host=document.text("gateway.host"), port=document.integer("gateway.port")),
        api=_api(document),
        venues=_venues(document),
        dagster=DagsterConfig(host=document.text("dagster.host"), port=document.integer("dagster.port")),
        smtp=_smtp(document),
        alerts=alerts_config(document, environ),
        tracing=TracingConfig(
            endpoint=document.optional_text("tracing.endpoint"),
            every_seconds=document.integer("tracing.every_seconds"),
        ),
        feeds=feeds,
        engine=engine,
        warnings=fee_warnings(document, engine),
    )


def _capture(document: Document) -> CaptureConfig:
    return CaptureConfig(
        raw_frames=bool(document.values["capture.raw_frames"]),
        rotate_seconds=document.integer("capture.rotate_seconds"),
        rotate_rows=document.integer("capture.rotate_rows"),
        commit_ms=document.integer("capture.commit_ms"),
    )


def _disk(document: Document) -> DiskConfig:
    disk = DiskConfig(
        warn_free_mb=document.integer("disk.warn_free_mb"),
        raw_frames_free_mb=document.integer("disk.raw_frames_free_mb"),
        capture_free_mb=document.integer("disk.capture_free_mb"),
    )
    if not disk.warn_free_mb >= disk.raw_frames_free_mb >= disk.capture_free_mb:
        raise ConfigError(
            "disk: expected warn_free_mb >= raw_frames_free_mb >= capture_free_mb, received "
            f"{disk.warn_free_mb}, {disk.raw_frames_free_mb}, {disk.capture_free_mb}",
            key="disk.capture_free_mb",
        )
    return disk


def _retention(document: Document) -> RetentionConfig:
    days: dict[str, int] = {}
    for text in texts_of(document.values["retention.days"]):
        name, _, number = (part.strip() for part in text.partition("="))
        if not name or name in days or not number.isdecimal() or len(number) > _MOST_DIGITS:
            raise ConfigError(
                f"retention.days: expected each name once, as in raw_frames=14, received {text!r}", key="retention.days"
            )
        days[name] = int(number)
    return RetentionConfig(segment_hours=document.integer("retention.segment_hours"), days=days)


def _backup(document: Document) -> BackupConfig:
    folder = document.optional_text("backup.folder")
    return BackupConfig(
        folder=None if folder is None else Path(folder).expanduser().absolute(),
        keep=document.integer("backup.keep"),
    )


def _integrity(document: Document) -> IntegrityConfig:
    return IntegrityConfig(
        crossed_ms=document.integer("integrity.crossed_ms"),
        frozen_seconds=document.integer("integrity.frozen_seconds"),
        gemini_accepts_next_id=bool(document.values["integrity.gemini_accepts_next_id"]),
    )


def _api(document: Document) -> ApiConfig:
    console = document.optional_text("api.console_dir")
    return ApiConfig(
        host=document.text("api.host"),
        port=document.integer("api.port"),
        database_url=document.optional_text("api.database_url"),
        redis_url=document.optional_text("api.redis_url"),
        general_per_minute=document.integer("api.general_per_minute"),
        controls_per_minute=document.integer("api.controls_per_minute"),
        status_per_minute=document.integer("api.status_per_minute"),
        streams_per_ip=document.integer("api.streams_per_ip"),
        trusted_proxies=_networks(texts_of(document.values["api.trusted_proxies"])),
        allowed_origins=texts_of(document.values["api.allowed_origins"]),
        console_dir=None if console is None else Path(console).absolute(),
        docs=bool(document.values["api.docs"]),
        secure_cookies=bool(document.values["api.secure_cookies"]),
        two_person_limits=bool(document.values["api.two_person_limits"]),
    )


def _networks(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError as e:
            raise ConfigError(
                f"api.trusted_proxies: expected addresses or networks, received {text!r}", key="api.trusted_proxies"
            ) from e
    return texts


def _venues(document: Document) -> VenuesConfig:
    return VenuesConfig(
        enabled=bool(document.values["venues.enabled"]),
        host=document.text("venues.host"),
        port=document.integer("venues.port"),
        seed=document.integer("venues.seed"),
        extra_books=bool(document.values["venues.extra_books"]),
        history_hours=document.integer("venues.history_hours"),
    )


def _smtp(document: Document) -> SmtpConfig:
    return SmtpConfig(
        host=document.text("smtp.host"),
        port=document.integer("smtp.port"),
        tls=document.text("smtp.tls"),
        sender=document.text("smtp.sender"),
        recipients=texts_of(document.values["smtp.recipients"]),
        user=document.optional_text("smtp.user"),
        password=document.optional_text("smtp.password"),
        sink=bool(document.values["smtp.sink"]),
    )
