import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LvsFlushOnStop(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LVS_FLUSH_ON_STOP_UNSPECIFIED: _ClassVar[LvsFlushOnStop]
    LVS_FLUSH_ON_STOP_ALL: _ClassVar[LvsFlushOnStop]
    LVS_FLUSH_ON_STOP_VS: _ClassVar[LvsFlushOnStop]
LVS_FLUSH_ON_STOP_UNSPECIFIED: LvsFlushOnStop
LVS_FLUSH_ON_STOP_ALL: LvsFlushOnStop
LVS_FLUSH_ON_STOP_VS: LvsFlushOnStop

class InterfaceDelays(_message.Message):
    __slots__ = ("name", "down_delay", "up_delay")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DOWN_DELAY_FIELD_NUMBER: _ClassVar[int]
    UP_DELAY_FIELD_NUMBER: _ClassVar[int]
    name: str
    down_delay: _duration_pb2.Duration
    up_delay: _duration_pb2.Duration
    def __init__(self, name: _Optional[str] = ..., down_delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., up_delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class LvsTimeouts(_message.Message):
    __slots__ = ("tcp", "tcpfin", "udp")
    TCP_FIELD_NUMBER: _ClassVar[int]
    TCPFIN_FIELD_NUMBER: _ClassVar[int]
    UDP_FIELD_NUMBER: _ClassVar[int]
    tcp: _duration_pb2.Duration
    tcpfin: _duration_pb2.Duration
    udp: _duration_pb2.Duration
    def __init__(self, tcp: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., tcpfin: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., udp: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class LvsSyncDaemon(_message.Message):
    __slots__ = ("interface", "vrrp_instance", "id", "maxlen", "port", "ttl", "group")
    INTERFACE_FIELD_NUMBER: _ClassVar[int]
    VRRP_INSTANCE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    MAXLEN_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    interface: str
    vrrp_instance: str
    id: int
    maxlen: int
    port: int
    ttl: int
    group: str
    def __init__(self, interface: _Optional[str] = ..., vrrp_instance: _Optional[str] = ..., id: _Optional[int] = ..., maxlen: _Optional[int] = ..., port: _Optional[int] = ..., ttl: _Optional[int] = ..., group: _Optional[str] = ...) -> None: ...

class Global(_message.Message):
    __slots__ = ("router_id", "notification_email", "notification_email_from", "smtp_server", "smtp_connect_timeout", "smtp_helo_name", "smtp_alert", "smtp_alert_vrrp", "smtp_alert_checker", "script_user", "enable_script_security", "vrrp_version", "vrrp_garp_master_delay", "vrrp_garp_master_repeat", "vrrp_garp_master_refresh", "vrrp_garp_master_refresh_repeat", "vrrp_garp_lower_prio_delay", "vrrp_garp_lower_prio_repeat", "vrrp_lower_prio_no_advert", "vrrp_higher_prio_send_advert", "vrrp_mcast_group4", "vrrp_startup_delay", "vrrp_rt_priority", "notify", "vrrp_mcast_group6", "vrrp_check_unicast_src", "v3_checksum_as_v2", "vrrp_garp_interval", "vrrp_gna_interval", "vrrp_min_garp", "vrrp_garp_extra_if", "vrrp_garp_extra_if_all", "vrrp_strict", "vrrp_skip_check_adv_addr", "vrrp_owner_ignore_adverts", "vrrp_down_timer_adverts", "vrrp_delay_after_boot", "vmac_prefix", "vmac_addr_prefix", "default_interface", "vrrp_cpu_affinity", "bfd_cpu_affinity", "interface_up_down_delays", "log_unknown_vrids", "max_probes_per_second", "checker_log_all_failures", "ssl", "lvs_flush", "lvs_flush_on_stop", "lvs_timeouts", "lvs_sync_daemon", "lvs_repair")
    ROUTER_ID_FIELD_NUMBER: _ClassVar[int]
    NOTIFICATION_EMAIL_FIELD_NUMBER: _ClassVar[int]
    NOTIFICATION_EMAIL_FROM_FIELD_NUMBER: _ClassVar[int]
    SMTP_SERVER_FIELD_NUMBER: _ClassVar[int]
    SMTP_CONNECT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    SMTP_HELO_NAME_FIELD_NUMBER: _ClassVar[int]
    SMTP_ALERT_FIELD_NUMBER: _ClassVar[int]
    SMTP_ALERT_VRRP_FIELD_NUMBER: _ClassVar[int]
    SMTP_ALERT_CHECKER_FIELD_NUMBER: _ClassVar[int]
    SCRIPT_USER_FIELD_NUMBER: _ClassVar[int]
    ENABLE_SCRIPT_SECURITY_FIELD_NUMBER: _ClassVar[int]
    VRRP_VERSION_FIELD_NUMBER: _ClassVar[int]
    VRRP_GARP_MASTER_DELAY_FIELD_NUMBER: _ClassVar[int]
    VRRP_GARP_MASTER_REPEAT_FIELD_NUMBER: _ClassVar[int]
    VRRP_GARP_MASTER_REFRESH_FIELD_NUMBER: _ClassVar[int]
    VRRP_GARP_MASTER_REFRESH_REPEAT_FIELD_NUMBER: _ClassVar[int]
    VRRP_GARP_LOWER_PRIO_DELAY_FIELD_NUMBER: _ClassVar[int]
    VRRP_GARP_LOWER_PRIO_REPEAT_FIELD_NUMBER: _ClassVar[int]
    VRRP_LOWER_PRIO_NO_ADVERT_FIELD_NUMBER: _ClassVar[int]
    VRRP_HIGHER_PRIO_SEND_ADVERT_FIELD_NUMBER: _ClassVar[int]
    VRRP_MCAST_GROUP4_FIELD_NUMBER: _ClassVar[int]
    VRRP_STARTUP_DELAY_FIELD_NUMBER: _ClassVar[int]
    VRRP_RT_PRIORITY_FIELD_NUMBER: _ClassVar[int]
    NOTIFY_FIELD_NUMBER: _ClassVar[int]
    VRRP_MCAST_GROUP6_FIELD_NUMBER: _ClassVar[int]
    VRRP_CHECK_UNICAST_SRC_FIELD_NUMBER: _ClassVar[int]
    V3_CHECKSUM_AS_V2_FIELD_NUMBER: _ClassVar[int]
    VRRP_GARP_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    VRRP_GNA_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    VRRP_MIN_GARP_FIELD_NUMBER: _ClassVar[int]
    VRRP_GARP_EXTRA_IF_FIELD_NUMBER: _ClassVar[int]
    VRRP_GARP_EXTRA_IF_ALL_FIELD_NUMBER: _ClassVar[int]
    VRRP_STRICT_FIELD_NUMBER: _ClassVar[int]
    VRRP_SKIP_CHECK_ADV_ADDR_FIELD_NUMBER: _ClassVar[int]
    VRRP_OWNER_IGNORE_ADVERTS_FIELD_NUMBER: _ClassVar[int]
    VRRP_DOWN_TIMER_ADVERTS_FIELD_NUMBER: _ClassVar[int]
    VRRP_DELAY_AFTER_BOOT_FIELD_NUMBER: _ClassVar[int]
    VMAC_PREFIX_FIELD_NUMBER: _ClassVar[int]
    VMAC_ADDR_PREFIX_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_INTERFACE_FIELD_NUMBER: _ClassVar[int]
    VRRP_CPU_AFFINITY_FIELD_NUMBER: _ClassVar[int]
    BFD_CPU_AFFINITY_FIELD_NUMBER: _ClassVar[int]
    INTERFACE_UP_DOWN_DELAYS_FIELD_NUMBER: _ClassVar[int]
    LOG_UNKNOWN_VRIDS_FIELD_NUMBER: _ClassVar[int]
    MAX_PROBES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    CHECKER_LOG_ALL_FAILURES_FIELD_NUMBER: _ClassVar[int]
    SSL_FIELD_NUMBER: _ClassVar[int]
    LVS_FLUSH_FIELD_NUMBER: _ClassVar[int]
    LVS_FLUSH_ON_STOP_FIELD_NUMBER: _ClassVar[int]
    LVS_TIMEOUTS_FIELD_NUMBER: _ClassVar[int]
    LVS_SYNC_DAEMON_FIELD_NUMBER: _ClassVar[int]
    LVS_REPAIR_FIELD_NUMBER: _ClassVar[int]
    router_id: str
    notification_email: _containers.RepeatedScalarFieldContainer[str]
    notification_email_from: str
    smtp_server: str
    smtp_connect_timeout: _duration_pb2.Duration
    smtp_helo_name: str
    smtp_alert: bool
    smtp_alert_vrrp: bool
    smtp_alert_checker: bool
    script_user: str
    enable_script_security: bool
    vrrp_version: int
    vrrp_garp_master_delay: _duration_pb2.Duration
    vrrp_garp_master_repeat: int
    vrrp_garp_master_refresh: _duration_pb2.Duration
    vrrp_garp_master_refresh_repeat: int
    vrrp_garp_lower_prio_delay: _duration_pb2.Duration
    vrrp_garp_lower_prio_repeat: int
    vrrp_lower_prio_no_advert: bool
    vrrp_higher_prio_send_advert: bool
    vrrp_mcast_group4: str
    vrrp_startup_delay: _duration_pb2.Duration
    vrrp_rt_priority: int
    notify: str
    vrrp_mcast_group6: str
    vrrp_check_unicast_src: bool
    v3_checksum_as_v2: bool
    vrrp_garp_interval: _duration_pb2.Duration
    vrrp_gna_interval: _duration_pb2.Duration
    vrrp_min_garp: bool
    vrrp_garp_extra_if: _duration_pb2.Duration
    vrrp_garp_extra_if_all: bool
    vrrp_strict: bool
    vrrp_skip_check_adv_addr: bool
    vrrp_owner_ignore_adverts: bool
    vrrp_down_timer_adverts: int
    vrrp_delay_after_boot: _duration_pb2.Duration
    vmac_prefix: str
    vmac_addr_prefix: str
    default_interface: str
    vrrp_cpu_affinity: _containers.RepeatedScalarFieldContainer[int]
    bfd_cpu_affinity: _containers.RepeatedScalarFieldContainer[int]
    interface_up_down_delays: _containers.RepeatedCompositeFieldContainer[InterfaceDelays]
    log_unknown_vrids: bool
    max_probes_per_second: int
    checker_log_all_failures: bool
    ssl: SslIdentity
    lvs_flush: bool
    lvs_flush_on_stop: LvsFlushOnStop
    lvs_timeouts: LvsTimeouts
    lvs_sync_daemon: LvsSyncDaemon
    lvs_repair: bool
    def __init__(self, router_id: _Optional[str] = ..., notification_email: _Optional[_Iterable[str]] = ..., notification_email_from: _Optional[str] = ..., smtp_server: _Optional[str] = ..., smtp_connect_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., smtp_helo_name: _Optional[str] = ..., smtp_alert: _Optional[bool] = ..., smtp_alert_vrrp: _Optional[bool] = ..., smtp_alert_checker: _Optional[bool] = ..., script_user: _Optional[str] = ..., enable_script_security: _Optional[bool] = ..., vrrp_version: _Optional[int] = ..., vrrp_garp_master_delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., vrrp_garp_master_repeat: _Optional[int] = ..., vrrp_garp_master_refresh: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., vrrp_garp_master_refresh_repeat: _Optional[int] = ..., vrrp_garp_lower_prio_delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., vrrp_garp_lower_prio_repeat: _Optional[int] = ..., vrrp_lower_prio_no_advert: _Optional[bool] = ..., vrrp_higher_prio_send_advert: _Optional[bool] = ..., vrrp_mcast_group4: _Optional[str] = ..., vrrp_startup_delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., vrrp_rt_priority: _Optional[int] = ..., notify: _Optional[str] = ..., vrrp_mcast_group6: _Optional[str] = ..., vrrp_check_unicast_src: _Optional[bool] = ..., v3_checksum_as_v2: _Optional[bool] = ..., vrrp_garp_interval: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., vrrp_gna_interval: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., vrrp_min_garp: _Optional[bool] = ..., vrrp_garp_extra_if: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., vrrp_garp_extra_if_all: _Optional[bool] = ..., vrrp_strict: _Optional[bool] = ..., vrrp_skip_check_adv_addr: _Optional[bool] = ..., vrrp_owner_ignore_adverts: _Optional[bool] = ..., vrrp_down_timer_adverts: _Optional[int] = ..., vrrp_delay_after_boot: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., vmac_prefix: _Optional[str] = ..., vmac_addr_prefix: _Optional[str] = ..., default_interface: _Optional[str] = ..., vrrp_cpu_affinity: _Optional[_Iterable[int]] = ..., bfd_cpu_affinity: _Optional[_Iterable[int]] = ..., interface_up_down_delays: _Optional[_Iterable[_Union[InterfaceDelays, _Mapping]]] = ..., log_unknown_vrids: _Optional[bool] = ..., max_probes_per_second: _Optional[int] = ..., checker_log_all_failures: _Optional[bool] = ..., ssl: _Optional[_Union[SslIdentity, _Mapping]] = ..., lvs_flush: _Optional[bool] = ..., lvs_flush_on_stop: _Optional[_Union[LvsFlushOnStop, str]] = ..., lvs_timeouts: _Optional[_Union[LvsTimeouts, _Mapping]] = ..., lvs_sync_daemon: _Optional[_Union[LvsSyncDaemon, _Mapping]] = ..., lvs_repair: _Optional[bool] = ...) -> None: ...

class SslIdentity(_message.Message):
    __slots__ = ("certificate", "key", "password")
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_FIELD_NUMBER: _ClassVar[int]
    certificate: str
    key: str
    password: str
    def __init__(self, certificate: _Optional[str] = ..., key: _Optional[str] = ..., password: _Optional[str] = ...) -> None: ...
