import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Protocol(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PROTOCOL_UNSPECIFIED: _ClassVar[Protocol]
    PROTOCOL_TCP: _ClassVar[Protocol]
    PROTOCOL_UDP: _ClassVar[Protocol]
    PROTOCOL_SCTP: _ClassVar[Protocol]

class LbAlgo(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LB_ALGO_UNSPECIFIED: _ClassVar[LbAlgo]
    LB_ALGO_RR: _ClassVar[LbAlgo]
    LB_ALGO_WRR: _ClassVar[LbAlgo]
    LB_ALGO_LC: _ClassVar[LbAlgo]
    LB_ALGO_WLC: _ClassVar[LbAlgo]
    LB_ALGO_LBLC: _ClassVar[LbAlgo]
    LB_ALGO_LBLCR: _ClassVar[LbAlgo]
    LB_ALGO_DH: _ClassVar[LbAlgo]
    LB_ALGO_SH: _ClassVar[LbAlgo]
    LB_ALGO_SED: _ClassVar[LbAlgo]
    LB_ALGO_NQ: _ClassVar[LbAlgo]
    LB_ALGO_FO: _ClassVar[LbAlgo]
    LB_ALGO_OVF: _ClassVar[LbAlgo]
    LB_ALGO_MH: _ClassVar[LbAlgo]
    LB_ALGO_TWOS: _ClassVar[LbAlgo]

class LbKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LB_KIND_UNSPECIFIED: _ClassVar[LbKind]
    LB_KIND_NAT: _ClassVar[LbKind]
    LB_KIND_DR: _ClassVar[LbKind]
    LB_KIND_TUN: _ClassVar[LbKind]

class IpFamily(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    IP_FAMILY_UNSPECIFIED: _ClassVar[IpFamily]
    IP_FAMILY_INET: _ClassVar[IpFamily]
    IP_FAMILY_INET6: _ClassVar[IpFamily]

class TunnelType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TUNNEL_TYPE_UNSPECIFIED: _ClassVar[TunnelType]
    TUNNEL_TYPE_IPIP: _ClassVar[TunnelType]
    TUNNEL_TYPE_GUE: _ClassVar[TunnelType]
    TUNNEL_TYPE_GRE: _ClassVar[TunnelType]

class TunnelChecksum(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TUNNEL_CHECKSUM_UNSPECIFIED: _ClassVar[TunnelChecksum]
    TUNNEL_CHECKSUM_NOCSUM: _ClassVar[TunnelChecksum]
    TUNNEL_CHECKSUM_CSUM: _ClassVar[TunnelChecksum]
    TUNNEL_CHECKSUM_REMCSUM: _ClassVar[TunnelChecksum]
PROTOCOL_UNSPECIFIED: Protocol
PROTOCOL_TCP: Protocol
PROTOCOL_UDP: Protocol
PROTOCOL_SCTP: Protocol
LB_ALGO_UNSPECIFIED: LbAlgo
LB_ALGO_RR: LbAlgo
LB_ALGO_WRR: LbAlgo
LB_ALGO_LC: LbAlgo
LB_ALGO_WLC: LbAlgo
LB_ALGO_LBLC: LbAlgo
LB_ALGO_LBLCR: LbAlgo
LB_ALGO_DH: LbAlgo
LB_ALGO_SH: LbAlgo
LB_ALGO_SED: LbAlgo
LB_ALGO_NQ: LbAlgo
LB_ALGO_FO: LbAlgo
LB_ALGO_OVF: LbAlgo
LB_ALGO_MH: LbAlgo
LB_ALGO_TWOS: LbAlgo
LB_KIND_UNSPECIFIED: LbKind
LB_KIND_NAT: LbKind
LB_KIND_DR: LbKind
LB_KIND_TUN: LbKind
IP_FAMILY_UNSPECIFIED: IpFamily
IP_FAMILY_INET: IpFamily
IP_FAMILY_INET6: IpFamily
TUNNEL_TYPE_UNSPECIFIED: TunnelType
TUNNEL_TYPE_IPIP: TunnelType
TUNNEL_TYPE_GUE: TunnelType
TUNNEL_TYPE_GRE: TunnelType
TUNNEL_CHECKSUM_UNSPECIFIED: TunnelChecksum
TUNNEL_CHECKSUM_NOCSUM: TunnelChecksum
TUNNEL_CHECKSUM_CSUM: TunnelChecksum
TUNNEL_CHECKSUM_REMCSUM: TunnelChecksum

class Tunnel(_message.Message):
    __slots__ = ("type", "port", "checksum")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    CHECKSUM_FIELD_NUMBER: _ClassVar[int]
    type: TunnelType
    port: int
    checksum: TunnelChecksum
    def __init__(self, type: _Optional[_Union[TunnelType, str]] = ..., port: _Optional[int] = ..., checksum: _Optional[_Union[TunnelChecksum, str]] = ...) -> None: ...

class GroupAddress(_message.Message):
    __slots__ = ("address", "port")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    address: str
    port: int
    def __init__(self, address: _Optional[str] = ..., port: _Optional[int] = ...) -> None: ...

class GroupFwmark(_message.Message):
    __slots__ = ("fwmark", "ip_family")
    FWMARK_FIELD_NUMBER: _ClassVar[int]
    IP_FAMILY_FIELD_NUMBER: _ClassVar[int]
    fwmark: int
    ip_family: IpFamily
    def __init__(self, fwmark: _Optional[int] = ..., ip_family: _Optional[_Union[IpFamily, str]] = ...) -> None: ...

class VirtualServerGroup(_message.Message):
    __slots__ = ("address", "fwmark")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    FWMARK_FIELD_NUMBER: _ClassVar[int]
    address: _containers.RepeatedCompositeFieldContainer[GroupAddress]
    fwmark: _containers.RepeatedCompositeFieldContainer[GroupFwmark]
    def __init__(self, address: _Optional[_Iterable[_Union[GroupAddress, _Mapping]]] = ..., fwmark: _Optional[_Iterable[_Union[GroupFwmark, _Mapping]]] = ...) -> None: ...

class VirtualServer(_message.Message):
    __slots__ = ("address", "port", "protocol", "fwmark", "delay_loop", "lb_algo", "lb_kind", "persistence_timeout", "persistence_granularity", "ops", "sorry_server", "sorry_server_inhibit", "quorum", "hysteresis", "quorum_up", "quorum_down", "alpha", "inhibit_on_failure", "ha_suspend", "weight", "virtualhost", "connect_timeout", "retry", "delay_before_retry", "warmup", "smtp_alert", "delay_loop_down", "delay_jitter", "sh_port", "sh_fallback", "mh_port", "mh_fallback", "flag_1", "flag_2", "flag_3", "persistence_engine", "ip_family", "group", "tunnel", "drain_on_removal", "slow_start", "panic_threshold", "omega")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    FWMARK_FIELD_NUMBER: _ClassVar[int]
    DELAY_LOOP_FIELD_NUMBER: _ClassVar[int]
    LB_ALGO_FIELD_NUMBER: _ClassVar[int]
    LB_KIND_FIELD_NUMBER: _ClassVar[int]
    PERSISTENCE_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    PERSISTENCE_GRANULARITY_FIELD_NUMBER: _ClassVar[int]
    OPS_FIELD_NUMBER: _ClassVar[int]
    SORRY_SERVER_FIELD_NUMBER: _ClassVar[int]
    SORRY_SERVER_INHIBIT_FIELD_NUMBER: _ClassVar[int]
    QUORUM_FIELD_NUMBER: _ClassVar[int]
    HYSTERESIS_FIELD_NUMBER: _ClassVar[int]
    QUORUM_UP_FIELD_NUMBER: _ClassVar[int]
    QUORUM_DOWN_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    INHIBIT_ON_FAILURE_FIELD_NUMBER: _ClassVar[int]
    HA_SUSPEND_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    VIRTUALHOST_FIELD_NUMBER: _ClassVar[int]
    CONNECT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    DELAY_BEFORE_RETRY_FIELD_NUMBER: _ClassVar[int]
    WARMUP_FIELD_NUMBER: _ClassVar[int]
    SMTP_ALERT_FIELD_NUMBER: _ClassVar[int]
    DELAY_LOOP_DOWN_FIELD_NUMBER: _ClassVar[int]
    DELAY_JITTER_FIELD_NUMBER: _ClassVar[int]
    SH_PORT_FIELD_NUMBER: _ClassVar[int]
    SH_FALLBACK_FIELD_NUMBER: _ClassVar[int]
    MH_PORT_FIELD_NUMBER: _ClassVar[int]
    MH_FALLBACK_FIELD_NUMBER: _ClassVar[int]
    FLAG_1_FIELD_NUMBER: _ClassVar[int]
    FLAG_2_FIELD_NUMBER: _ClassVar[int]
    FLAG_3_FIELD_NUMBER: _ClassVar[int]
    PERSISTENCE_ENGINE_FIELD_NUMBER: _ClassVar[int]
    IP_FAMILY_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    TUNNEL_FIELD_NUMBER: _ClassVar[int]
    DRAIN_ON_REMOVAL_FIELD_NUMBER: _ClassVar[int]
    SLOW_START_FIELD_NUMBER: _ClassVar[int]
    PANIC_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    OMEGA_FIELD_NUMBER: _ClassVar[int]
    address: str
    port: int
    protocol: Protocol
    fwmark: int
    delay_loop: _duration_pb2.Duration
    lb_algo: LbAlgo
    lb_kind: LbKind
    persistence_timeout: _duration_pb2.Duration
    persistence_granularity: str
    ops: bool
    sorry_server: SorryServer
    sorry_server_inhibit: bool
    quorum: int
    hysteresis: int
    quorum_up: str
    quorum_down: str
    alpha: bool
    inhibit_on_failure: bool
    ha_suspend: bool
    weight: int
    virtualhost: str
    connect_timeout: _duration_pb2.Duration
    retry: int
    delay_before_retry: _duration_pb2.Duration
    warmup: _duration_pb2.Duration
    smtp_alert: bool
    delay_loop_down: _duration_pb2.Duration
    delay_jitter: _duration_pb2.Duration
    sh_port: bool
    sh_fallback: bool
    mh_port: bool
    mh_fallback: bool
    flag_1: bool
    flag_2: bool
    flag_3: bool
    persistence_engine: str
    ip_family: IpFamily
    group: str
    tunnel: Tunnel
    drain_on_removal: _duration_pb2.Duration
    slow_start: _duration_pb2.Duration
    panic_threshold: int
    omega: bool
    def __init__(self, address: _Optional[str] = ..., port: _Optional[int] = ..., protocol: _Optional[_Union[Protocol, str]] = ..., fwmark: _Optional[int] = ..., delay_loop: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., lb_algo: _Optional[_Union[LbAlgo, str]] = ..., lb_kind: _Optional[_Union[LbKind, str]] = ..., persistence_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., persistence_granularity: _Optional[str] = ..., ops: _Optional[bool] = ..., sorry_server: _Optional[_Union[SorryServer, _Mapping]] = ..., sorry_server_inhibit: _Optional[bool] = ..., quorum: _Optional[int] = ..., hysteresis: _Optional[int] = ..., quorum_up: _Optional[str] = ..., quorum_down: _Optional[str] = ..., alpha: _Optional[bool] = ..., inhibit_on_failure: _Optional[bool] = ..., ha_suspend: _Optional[bool] = ..., weight: _Optional[int] = ..., virtualhost: _Optional[str] = ..., connect_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., retry: _Optional[int] = ..., delay_before_retry: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., warmup: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., smtp_alert: _Optional[bool] = ..., delay_loop_down: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., delay_jitter: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., sh_port: _Optional[bool] = ..., sh_fallback: _Optional[bool] = ..., mh_port: _Optional[bool] = ..., mh_fallback: _Optional[bool] = ..., flag_1: _Optional[bool] = ..., flag_2: _Optional[bool] = ..., flag_3: _Optional[bool] = ..., persistence_engine: _Optional[str] = ..., ip_family: _Optional[_Union[IpFamily, str]] = ..., group: _Optional[str] = ..., tunnel: _Optional[_Union[Tunnel, _Mapping]] = ..., drain_on_removal: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., slow_start: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., panic_threshold: _Optional[int] = ..., omega: _Optional[bool] = ...) -> None: ...

class SorryServer(_message.Message):
    __slots__ = ("address", "port", "lb_kind", "tunnel")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    LB_KIND_FIELD_NUMBER: _ClassVar[int]
    TUNNEL_FIELD_NUMBER: _ClassVar[int]
    address: str
    port: int
    lb_kind: LbKind
    tunnel: Tunnel
    def __init__(self, address: _Optional[str] = ..., port: _Optional[int] = ..., lb_kind: _Optional[_Union[LbKind, str]] = ..., tunnel: _Optional[_Union[Tunnel, _Mapping]] = ...) -> None: ...

class RealServer(_message.Message):
    __slots__ = ("address", "port", "weight", "lb_kind", "inhibit_on_failure", "uthreshold", "lthreshold", "notify_up", "notify_down", "alpha", "virtualhost", "delay_loop", "connect_timeout", "retry", "delay_before_retry", "warmup", "smtp_alert", "delay_loop_down", "delay_jitter", "tunnel", "priority_group", "tcp_check", "http_get", "ssl_get", "misc_check", "dns_check", "udp_check", "ping_check", "smtp_check", "file_check", "grpc_check", "agent_check")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    LB_KIND_FIELD_NUMBER: _ClassVar[int]
    INHIBIT_ON_FAILURE_FIELD_NUMBER: _ClassVar[int]
    UTHRESHOLD_FIELD_NUMBER: _ClassVar[int]
    LTHRESHOLD_FIELD_NUMBER: _ClassVar[int]
    NOTIFY_UP_FIELD_NUMBER: _ClassVar[int]
    NOTIFY_DOWN_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    VIRTUALHOST_FIELD_NUMBER: _ClassVar[int]
    DELAY_LOOP_FIELD_NUMBER: _ClassVar[int]
    CONNECT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    DELAY_BEFORE_RETRY_FIELD_NUMBER: _ClassVar[int]
    WARMUP_FIELD_NUMBER: _ClassVar[int]
    SMTP_ALERT_FIELD_NUMBER: _ClassVar[int]
    DELAY_LOOP_DOWN_FIELD_NUMBER: _ClassVar[int]
    DELAY_JITTER_FIELD_NUMBER: _ClassVar[int]
    TUNNEL_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_GROUP_FIELD_NUMBER: _ClassVar[int]
    TCP_CHECK_FIELD_NUMBER: _ClassVar[int]
    HTTP_GET_FIELD_NUMBER: _ClassVar[int]
    SSL_GET_FIELD_NUMBER: _ClassVar[int]
    MISC_CHECK_FIELD_NUMBER: _ClassVar[int]
    DNS_CHECK_FIELD_NUMBER: _ClassVar[int]
    UDP_CHECK_FIELD_NUMBER: _ClassVar[int]
    PING_CHECK_FIELD_NUMBER: _ClassVar[int]
    SMTP_CHECK_FIELD_NUMBER: _ClassVar[int]
    FILE_CHECK_FIELD_NUMBER: _ClassVar[int]
    GRPC_CHECK_FIELD_NUMBER: _ClassVar[int]
    AGENT_CHECK_FIELD_NUMBER: _ClassVar[int]
    address: str
    port: int
    weight: int
    lb_kind: LbKind
    inhibit_on_failure: bool
    uthreshold: int
    lthreshold: int
    notify_up: str
    notify_down: str
    alpha: bool
    virtualhost: str
    delay_loop: _duration_pb2.Duration
    connect_timeout: _duration_pb2.Duration
    retry: int
    delay_before_retry: _duration_pb2.Duration
    warmup: _duration_pb2.Duration
    smtp_alert: bool
    delay_loop_down: _duration_pb2.Duration
    delay_jitter: _duration_pb2.Duration
    tunnel: Tunnel
    priority_group: int
    tcp_check: _containers.RepeatedCompositeFieldContainer[TcpCheck]
    http_get: _containers.RepeatedCompositeFieldContainer[HttpGet]
    ssl_get: _containers.RepeatedCompositeFieldContainer[HttpGet]
    misc_check: _containers.RepeatedCompositeFieldContainer[MiscCheck]
    dns_check: _containers.RepeatedCompositeFieldContainer[DnsCheck]
    udp_check: _containers.RepeatedCompositeFieldContainer[UdpCheck]
    ping_check: _containers.RepeatedCompositeFieldContainer[PingCheck]
    smtp_check: _containers.RepeatedCompositeFieldContainer[SmtpCheck]
    file_check: _containers.RepeatedCompositeFieldContainer[FileCheck]
    grpc_check: _containers.RepeatedCompositeFieldContainer[GrpcCheck]
    agent_check: _containers.RepeatedCompositeFieldContainer[AgentCheck]
    def __init__(self, address: _Optional[str] = ..., port: _Optional[int] = ..., weight: _Optional[int] = ..., lb_kind: _Optional[_Union[LbKind, str]] = ..., inhibit_on_failure: _Optional[bool] = ..., uthreshold: _Optional[int] = ..., lthreshold: _Optional[int] = ..., notify_up: _Optional[str] = ..., notify_down: _Optional[str] = ..., alpha: _Optional[bool] = ..., virtualhost: _Optional[str] = ..., delay_loop: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., connect_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., retry: _Optional[int] = ..., delay_before_retry: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., warmup: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., smtp_alert: _Optional[bool] = ..., delay_loop_down: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., delay_jitter: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., tunnel: _Optional[_Union[Tunnel, _Mapping]] = ..., priority_group: _Optional[int] = ..., tcp_check: _Optional[_Iterable[_Union[TcpCheck, _Mapping]]] = ..., http_get: _Optional[_Iterable[_Union[HttpGet, _Mapping]]] = ..., ssl_get: _Optional[_Iterable[_Union[HttpGet, _Mapping]]] = ..., misc_check: _Optional[_Iterable[_Union[MiscCheck, _Mapping]]] = ..., dns_check: _Optional[_Iterable[_Union[DnsCheck, _Mapping]]] = ..., udp_check: _Optional[_Iterable[_Union[UdpCheck, _Mapping]]] = ..., ping_check: _Optional[_Iterable[_Union[PingCheck, _Mapping]]] = ..., smtp_check: _Optional[_Iterable[_Union[SmtpCheck, _Mapping]]] = ..., file_check: _Optional[_Iterable[_Union[FileCheck, _Mapping]]] = ..., grpc_check: _Optional[_Iterable[_Union[GrpcCheck, _Mapping]]] = ..., agent_check: _Optional[_Iterable[_Union[AgentCheck, _Mapping]]] = ...) -> None: ...

class TcpCheck(_message.Message):
    __slots__ = ("connect_ip", "connect_port", "bindto", "bind_port", "bind_if", "fwmark", "connect_timeout", "delay_loop", "retry", "delay_before_retry", "warmup", "alpha", "log_all_failures")
    CONNECT_IP_FIELD_NUMBER: _ClassVar[int]
    CONNECT_PORT_FIELD_NUMBER: _ClassVar[int]
    BINDTO_FIELD_NUMBER: _ClassVar[int]
    BIND_PORT_FIELD_NUMBER: _ClassVar[int]
    BIND_IF_FIELD_NUMBER: _ClassVar[int]
    FWMARK_FIELD_NUMBER: _ClassVar[int]
    CONNECT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    DELAY_LOOP_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    DELAY_BEFORE_RETRY_FIELD_NUMBER: _ClassVar[int]
    WARMUP_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    LOG_ALL_FAILURES_FIELD_NUMBER: _ClassVar[int]
    connect_ip: str
    connect_port: int
    bindto: str
    bind_port: int
    bind_if: str
    fwmark: int
    connect_timeout: _duration_pb2.Duration
    delay_loop: _duration_pb2.Duration
    retry: int
    delay_before_retry: _duration_pb2.Duration
    warmup: _duration_pb2.Duration
    alpha: bool
    log_all_failures: bool
    def __init__(self, connect_ip: _Optional[str] = ..., connect_port: _Optional[int] = ..., bindto: _Optional[str] = ..., bind_port: _Optional[int] = ..., bind_if: _Optional[str] = ..., fwmark: _Optional[int] = ..., connect_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., delay_loop: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., retry: _Optional[int] = ..., delay_before_retry: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., warmup: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., alpha: _Optional[bool] = ..., log_all_failures: _Optional[bool] = ...) -> None: ...

class HttpUrl(_message.Message):
    __slots__ = ("path", "digest", "status_code", "virtualhost", "regex", "regex_no_match", "regex_options", "regex_min_offset", "regex_max_offset", "tls_compliant")
    PATH_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    STATUS_CODE_FIELD_NUMBER: _ClassVar[int]
    VIRTUALHOST_FIELD_NUMBER: _ClassVar[int]
    REGEX_FIELD_NUMBER: _ClassVar[int]
    REGEX_NO_MATCH_FIELD_NUMBER: _ClassVar[int]
    REGEX_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    REGEX_MIN_OFFSET_FIELD_NUMBER: _ClassVar[int]
    REGEX_MAX_OFFSET_FIELD_NUMBER: _ClassVar[int]
    TLS_COMPLIANT_FIELD_NUMBER: _ClassVar[int]
    path: str
    digest: str
    status_code: str
    virtualhost: str
    regex: str
    regex_no_match: bool
    regex_options: _containers.RepeatedScalarFieldContainer[str]
    regex_min_offset: int
    regex_max_offset: int
    tls_compliant: bool
    def __init__(self, path: _Optional[str] = ..., digest: _Optional[str] = ..., status_code: _Optional[str] = ..., virtualhost: _Optional[str] = ..., regex: _Optional[str] = ..., regex_no_match: _Optional[bool] = ..., regex_options: _Optional[_Iterable[str]] = ..., regex_min_offset: _Optional[int] = ..., regex_max_offset: _Optional[int] = ..., tls_compliant: _Optional[bool] = ...) -> None: ...

class HttpGet(_message.Message):
    __slots__ = ("url", "http_protocol", "virtualhost", "enable_sni", "sni_name", "connect_ip", "connect_port", "bindto", "bind_port", "bind_if", "fwmark", "connect_timeout", "delay_loop", "retry", "delay_before_retry", "warmup", "fast_recovery", "alpha", "log_all_failures", "tls_compliant", "tls_verify", "tls_ca_file", "tls_min_days")
    URL_FIELD_NUMBER: _ClassVar[int]
    HTTP_PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    VIRTUALHOST_FIELD_NUMBER: _ClassVar[int]
    ENABLE_SNI_FIELD_NUMBER: _ClassVar[int]
    SNI_NAME_FIELD_NUMBER: _ClassVar[int]
    CONNECT_IP_FIELD_NUMBER: _ClassVar[int]
    CONNECT_PORT_FIELD_NUMBER: _ClassVar[int]
    BINDTO_FIELD_NUMBER: _ClassVar[int]
    BIND_PORT_FIELD_NUMBER: _ClassVar[int]
    BIND_IF_FIELD_NUMBER: _ClassVar[int]
    FWMARK_FIELD_NUMBER: _ClassVar[int]
    CONNECT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    DELAY_LOOP_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    DELAY_BEFORE_RETRY_FIELD_NUMBER: _ClassVar[int]
    WARMUP_FIELD_NUMBER: _ClassVar[int]
    FAST_RECOVERY_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    LOG_ALL_FAILURES_FIELD_NUMBER: _ClassVar[int]
    TLS_COMPLIANT_FIELD_NUMBER: _ClassVar[int]
    TLS_VERIFY_FIELD_NUMBER: _ClassVar[int]
    TLS_CA_FILE_FIELD_NUMBER: _ClassVar[int]
    TLS_MIN_DAYS_FIELD_NUMBER: _ClassVar[int]
    url: _containers.RepeatedCompositeFieldContainer[HttpUrl]
    http_protocol: str
    virtualhost: str
    enable_sni: bool
    sni_name: str
    connect_ip: str
    connect_port: int
    bindto: str
    bind_port: int
    bind_if: str
    fwmark: int
    connect_timeout: _duration_pb2.Duration
    delay_loop: _duration_pb2.Duration
    retry: int
    delay_before_retry: _duration_pb2.Duration
    warmup: _duration_pb2.Duration
    fast_recovery: bool
    alpha: bool
    log_all_failures: bool
    tls_compliant: bool
    tls_verify: bool
    tls_ca_file: str
    tls_min_days: int
    def __init__(self, url: _Optional[_Iterable[_Union[HttpUrl, _Mapping]]] = ..., http_protocol: _Optional[str] = ..., virtualhost: _Optional[str] = ..., enable_sni: _Optional[bool] = ..., sni_name: _Optional[str] = ..., connect_ip: _Optional[str] = ..., connect_port: _Optional[int] = ..., bindto: _Optional[str] = ..., bind_port: _Optional[int] = ..., bind_if: _Optional[str] = ..., fwmark: _Optional[int] = ..., connect_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., delay_loop: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., retry: _Optional[int] = ..., delay_before_retry: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., warmup: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., fast_recovery: _Optional[bool] = ..., alpha: _Optional[bool] = ..., log_all_failures: _Optional[bool] = ..., tls_compliant: _Optional[bool] = ..., tls_verify: _Optional[bool] = ..., tls_ca_file: _Optional[str] = ..., tls_min_days: _Optional[int] = ...) -> None: ...

class MiscCheck(_message.Message):
    __slots__ = ("misc_path", "misc_timeout", "misc_dynamic", "user", "delay_loop", "retry", "delay_before_retry", "warmup", "alpha", "log_all_failures")
    MISC_PATH_FIELD_NUMBER: _ClassVar[int]
    MISC_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    MISC_DYNAMIC_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    DELAY_LOOP_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    DELAY_BEFORE_RETRY_FIELD_NUMBER: _ClassVar[int]
    WARMUP_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    LOG_ALL_FAILURES_FIELD_NUMBER: _ClassVar[int]
    misc_path: str
    misc_timeout: _duration_pb2.Duration
    misc_dynamic: bool
    user: str
    delay_loop: _duration_pb2.Duration
    retry: int
    delay_before_retry: _duration_pb2.Duration
    warmup: _duration_pb2.Duration
    alpha: bool
    log_all_failures: bool
    def __init__(self, misc_path: _Optional[str] = ..., misc_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., misc_dynamic: _Optional[bool] = ..., user: _Optional[str] = ..., delay_loop: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., retry: _Optional[int] = ..., delay_before_retry: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., warmup: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., alpha: _Optional[bool] = ..., log_all_failures: _Optional[bool] = ...) -> None: ...

class DnsCheck(_message.Message):
    __slots__ = ("type", "name", "connect_ip", "connect_port", "bindto", "bind_port", "bind_if", "fwmark", "connect_timeout", "delay_loop", "retry", "delay_before_retry", "warmup", "alpha", "log_all_failures")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONNECT_IP_FIELD_NUMBER: _ClassVar[int]
    CONNECT_PORT_FIELD_NUMBER: _ClassVar[int]
    BINDTO_FIELD_NUMBER: _ClassVar[int]
    BIND_PORT_FIELD_NUMBER: _ClassVar[int]
    BIND_IF_FIELD_NUMBER: _ClassVar[int]
    FWMARK_FIELD_NUMBER: _ClassVar[int]
    CONNECT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    DELAY_LOOP_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    DELAY_BEFORE_RETRY_FIELD_NUMBER: _ClassVar[int]
    WARMUP_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    LOG_ALL_FAILURES_FIELD_NUMBER: _ClassVar[int]
    type: str
    name: str
    connect_ip: str
    connect_port: int
    bindto: str
    bind_port: int
    bind_if: str
    fwmark: int
    connect_timeout: _duration_pb2.Duration
    delay_loop: _duration_pb2.Duration
    retry: int
    delay_before_retry: _duration_pb2.Duration
    warmup: _duration_pb2.Duration
    alpha: bool
    log_all_failures: bool
    def __init__(self, type: _Optional[str] = ..., name: _Optional[str] = ..., connect_ip: _Optional[str] = ..., connect_port: _Optional[int] = ..., bindto: _Optional[str] = ..., bind_port: _Optional[int] = ..., bind_if: _Optional[str] = ..., fwmark: _Optional[int] = ..., connect_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., delay_loop: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., retry: _Optional[int] = ..., delay_before_retry: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., warmup: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., alpha: _Optional[bool] = ..., log_all_failures: _Optional[bool] = ...) -> None: ...

class UdpCheck(_message.Message):
    __slots__ = ("payload", "require_reply", "min_reply_length", "max_reply_length", "connect_ip", "connect_port", "bindto", "bind_port", "bind_if", "fwmark", "connect_timeout", "delay_loop", "retry", "delay_before_retry", "warmup", "alpha", "log_all_failures")
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    REQUIRE_REPLY_FIELD_NUMBER: _ClassVar[int]
    MIN_REPLY_LENGTH_FIELD_NUMBER: _ClassVar[int]
    MAX_REPLY_LENGTH_FIELD_NUMBER: _ClassVar[int]
    CONNECT_IP_FIELD_NUMBER: _ClassVar[int]
    CONNECT_PORT_FIELD_NUMBER: _ClassVar[int]
    BINDTO_FIELD_NUMBER: _ClassVar[int]
    BIND_PORT_FIELD_NUMBER: _ClassVar[int]
    BIND_IF_FIELD_NUMBER: _ClassVar[int]
    FWMARK_FIELD_NUMBER: _ClassVar[int]
    CONNECT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    DELAY_LOOP_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    DELAY_BEFORE_RETRY_FIELD_NUMBER: _ClassVar[int]
    WARMUP_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    LOG_ALL_FAILURES_FIELD_NUMBER: _ClassVar[int]
    payload: str
    require_reply: str
    min_reply_length: int
    max_reply_length: int
    connect_ip: str
    connect_port: int
    bindto: str
    bind_port: int
    bind_if: str
    fwmark: int
    connect_timeout: _duration_pb2.Duration
    delay_loop: _duration_pb2.Duration
    retry: int
    delay_before_retry: _duration_pb2.Duration
    warmup: _duration_pb2.Duration
    alpha: bool
    log_all_failures: bool
    def __init__(self, payload: _Optional[str] = ..., require_reply: _Optional[str] = ..., min_reply_length: _Optional[int] = ..., max_reply_length: _Optional[int] = ..., connect_ip: _Optional[str] = ..., connect_port: _Optional[int] = ..., bindto: _Optional[str] = ..., bind_port: _Optional[int] = ..., bind_if: _Optional[str] = ..., fwmark: _Optional[int] = ..., connect_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., delay_loop: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., retry: _Optional[int] = ..., delay_before_retry: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., warmup: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., alpha: _Optional[bool] = ..., log_all_failures: _Optional[bool] = ...) -> None: ...

class PingCheck(_message.Message):
    __slots__ = ("connect_ip", "bindto", "bind_if", "fwmark", "connect_timeout", "delay_loop", "retry", "delay_before_retry", "warmup", "alpha", "log_all_failures")
    CONNECT_IP_FIELD_NUMBER: _ClassVar[int]
    BINDTO_FIELD_NUMBER: _ClassVar[int]
    BIND_IF_FIELD_NUMBER: _ClassVar[int]
    FWMARK_FIELD_NUMBER: _ClassVar[int]
    CONNECT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    DELAY_LOOP_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    DELAY_BEFORE_RETRY_FIELD_NUMBER: _ClassVar[int]
    WARMUP_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    LOG_ALL_FAILURES_FIELD_NUMBER: _ClassVar[int]
    connect_ip: str
    bindto: str
    bind_if: str
    fwmark: int
    connect_timeout: _duration_pb2.Duration
    delay_loop: _duration_pb2.Duration
    retry: int
    delay_before_retry: _duration_pb2.Duration
    warmup: _duration_pb2.Duration
    alpha: bool
    log_all_failures: bool
    def __init__(self, connect_ip: _Optional[str] = ..., bindto: _Optional[str] = ..., bind_if: _Optional[str] = ..., fwmark: _Optional[int] = ..., connect_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., delay_loop: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., retry: _Optional[int] = ..., delay_before_retry: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., warmup: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., alpha: _Optional[bool] = ..., log_all_failures: _Optional[bool] = ...) -> None: ...

class SmtpCheck(_message.Message):
    __slots__ = ("helo_name", "connect_ip", "connect_port", "bindto", "bind_port", "bind_if", "fwmark", "connect_timeout", "delay_loop", "retry", "delay_before_retry", "warmup", "alpha", "log_all_failures")
    HELO_NAME_FIELD_NUMBER: _ClassVar[int]
    CONNECT_IP_FIELD_NUMBER: _ClassVar[int]
    CONNECT_PORT_FIELD_NUMBER: _ClassVar[int]
    BINDTO_FIELD_NUMBER: _ClassVar[int]
    BIND_PORT_FIELD_NUMBER: _ClassVar[int]
    BIND_IF_FIELD_NUMBER: _ClassVar[int]
    FWMARK_FIELD_NUMBER: _ClassVar[int]
    CONNECT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    DELAY_LOOP_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    DELAY_BEFORE_RETRY_FIELD_NUMBER: _ClassVar[int]
    WARMUP_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    LOG_ALL_FAILURES_FIELD_NUMBER: _ClassVar[int]
    helo_name: str
    connect_ip: str
    connect_port: int
    bindto: str
    bind_port: int
    bind_if: str
    fwmark: int
    connect_timeout: _duration_pb2.Duration
    delay_loop: _duration_pb2.Duration
    retry: int
    delay_before_retry: _duration_pb2.Duration
    warmup: _duration_pb2.Duration
    alpha: bool
    log_all_failures: bool
    def __init__(self, helo_name: _Optional[str] = ..., connect_ip: _Optional[str] = ..., connect_port: _Optional[int] = ..., bindto: _Optional[str] = ..., bind_port: _Optional[int] = ..., bind_if: _Optional[str] = ..., fwmark: _Optional[int] = ..., connect_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., delay_loop: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., retry: _Optional[int] = ..., delay_before_retry: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., warmup: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., alpha: _Optional[bool] = ..., log_all_failures: _Optional[bool] = ...) -> None: ...

class FileCheck(_message.Message):
    __slots__ = ("track_file", "weight", "reverse")
    TRACK_FILE_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    REVERSE_FIELD_NUMBER: _ClassVar[int]
    track_file: str
    weight: int
    reverse: bool
    def __init__(self, track_file: _Optional[str] = ..., weight: _Optional[int] = ..., reverse: _Optional[bool] = ...) -> None: ...

class GrpcCheck(_message.Message):
    __slots__ = ("service", "authority", "tls", "sni_name", "tls_verify", "tls_ca_file", "tls_min_days", "connect_ip", "connect_port", "bindto", "bind_port", "bind_if", "fwmark", "connect_timeout", "delay_loop", "retry", "delay_before_retry", "warmup", "alpha", "log_all_failures")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    AUTHORITY_FIELD_NUMBER: _ClassVar[int]
    TLS_FIELD_NUMBER: _ClassVar[int]
    SNI_NAME_FIELD_NUMBER: _ClassVar[int]
    TLS_VERIFY_FIELD_NUMBER: _ClassVar[int]
    TLS_CA_FILE_FIELD_NUMBER: _ClassVar[int]
    TLS_MIN_DAYS_FIELD_NUMBER: _ClassVar[int]
    CONNECT_IP_FIELD_NUMBER: _ClassVar[int]
    CONNECT_PORT_FIELD_NUMBER: _ClassVar[int]
    BINDTO_FIELD_NUMBER: _ClassVar[int]
    BIND_PORT_FIELD_NUMBER: _ClassVar[int]
    BIND_IF_FIELD_NUMBER: _ClassVar[int]
    FWMARK_FIELD_NUMBER: _ClassVar[int]
    CONNECT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    DELAY_LOOP_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    DELAY_BEFORE_RETRY_FIELD_NUMBER: _ClassVar[int]
    WARMUP_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    LOG_ALL_FAILURES_FIELD_NUMBER: _ClassVar[int]
    service: str
    authority: str
    tls: bool
    sni_name: str
    tls_verify: bool
    tls_ca_file: str
    tls_min_days: int
    connect_ip: str
    connect_port: int
    bindto: str
    bind_port: int
    bind_if: str
    fwmark: int
    connect_timeout: _duration_pb2.Duration
    delay_loop: _duration_pb2.Duration
    retry: int
    delay_before_retry: _duration_pb2.Duration
    warmup: _duration_pb2.Duration
    alpha: bool
    log_all_failures: bool
    def __init__(self, service: _Optional[str] = ..., authority: _Optional[str] = ..., tls: _Optional[bool] = ..., sni_name: _Optional[str] = ..., tls_verify: _Optional[bool] = ..., tls_ca_file: _Optional[str] = ..., tls_min_days: _Optional[int] = ..., connect_ip: _Optional[str] = ..., connect_port: _Optional[int] = ..., bindto: _Optional[str] = ..., bind_port: _Optional[int] = ..., bind_if: _Optional[str] = ..., fwmark: _Optional[int] = ..., connect_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., delay_loop: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., retry: _Optional[int] = ..., delay_before_retry: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., warmup: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., alpha: _Optional[bool] = ..., log_all_failures: _Optional[bool] = ...) -> None: ...

class AgentCheck(_message.Message):
    __slots__ = ("connect_port", "send", "required", "connect_ip", "bindto", "bind_port", "bind_if", "fwmark", "connect_timeout", "delay_loop", "retry", "delay_before_retry", "warmup", "alpha", "log_all_failures")
    CONNECT_PORT_FIELD_NUMBER: _ClassVar[int]
    SEND_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_FIELD_NUMBER: _ClassVar[int]
    CONNECT_IP_FIELD_NUMBER: _ClassVar[int]
    BINDTO_FIELD_NUMBER: _ClassVar[int]
    BIND_PORT_FIELD_NUMBER: _ClassVar[int]
    BIND_IF_FIELD_NUMBER: _ClassVar[int]
    FWMARK_FIELD_NUMBER: _ClassVar[int]
    CONNECT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    DELAY_LOOP_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    DELAY_BEFORE_RETRY_FIELD_NUMBER: _ClassVar[int]
    WARMUP_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    LOG_ALL_FAILURES_FIELD_NUMBER: _ClassVar[int]
    connect_port: int
    send: str
    required: bool
    connect_ip: str
    bindto: str
    bind_port: int
    bind_if: str
    fwmark: int
    connect_timeout: _duration_pb2.Duration
    delay_loop: _duration_pb2.Duration
    retry: int
    delay_before_retry: _duration_pb2.Duration
    warmup: _duration_pb2.Duration
    alpha: bool
    log_all_failures: bool
    def __init__(self, connect_port: _Optional[int] = ..., send: _Optional[str] = ..., required: _Optional[bool] = ..., connect_ip: _Optional[str] = ..., bindto: _Optional[str] = ..., bind_port: _Optional[int] = ..., bind_if: _Optional[str] = ..., fwmark: _Optional[int] = ..., connect_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., delay_loop: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., retry: _Optional[int] = ..., delay_before_retry: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., warmup: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., alpha: _Optional[bool] = ..., log_all_failures: _Optional[bool] = ...) -> None: ...
