import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from vipkeeper.config.v1 import track_pb2 as _track_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class InitialState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INITIAL_STATE_UNSPECIFIED: _ClassVar[InitialState]
    INITIAL_STATE_MASTER: _ClassVar[InitialState]
    INITIAL_STATE_BACKUP: _ClassVar[InitialState]

class AuthType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AUTH_TYPE_UNSPECIFIED: _ClassVar[AuthType]
    AUTH_TYPE_PASS: _ClassVar[AuthType]
    AUTH_TYPE_AH: _ClassVar[AuthType]

class AntiReplay(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ANTI_REPLAY_UNSPECIFIED: _ClassVar[AntiReplay]
    ANTI_REPLAY_TIME: _ClassVar[AntiReplay]
    ANTI_REPLAY_MONOTONIC: _ClassVar[AntiReplay]

class HmacMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HMAC_MODE_UNSPECIFIED: _ClassVar[HmacMode]
    HMAC_MODE_ENFORCE: _ClassVar[HmacMode]
    HMAC_MODE_PERMISSIVE: _ClassVar[HmacMode]
    HMAC_MODE_RECEIVE_ONLY: _ClassVar[HmacMode]

class OldUnicastChecksum(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OLD_UNICAST_CHECKSUM_UNSPECIFIED: _ClassVar[OldUnicastChecksum]
    OLD_UNICAST_CHECKSUM_ALWAYS: _ClassVar[OldUnicastChecksum]
    OLD_UNICAST_CHECKSUM_NEVER: _ClassVar[OldUnicastChecksum]

class IpvlanMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    IPVLAN_MODE_UNSPECIFIED: _ClassVar[IpvlanMode]
    IPVLAN_MODE_BRIDGE: _ClassVar[IpvlanMode]
    IPVLAN_MODE_PRIVATE: _ClassVar[IpvlanMode]
    IPVLAN_MODE_VEPA: _ClassVar[IpvlanMode]
INITIAL_STATE_UNSPECIFIED: InitialState
INITIAL_STATE_MASTER: InitialState
INITIAL_STATE_BACKUP: InitialState
AUTH_TYPE_UNSPECIFIED: AuthType
AUTH_TYPE_PASS: AuthType
AUTH_TYPE_AH: AuthType
ANTI_REPLAY_UNSPECIFIED: AntiReplay
ANTI_REPLAY_TIME: AntiReplay
ANTI_REPLAY_MONOTONIC: AntiReplay
HMAC_MODE_UNSPECIFIED: HmacMode
HMAC_MODE_ENFORCE: HmacMode
HMAC_MODE_PERMISSIVE: HmacMode
HMAC_MODE_RECEIVE_ONLY: HmacMode
OLD_UNICAST_CHECKSUM_UNSPECIFIED: OldUnicastChecksum
OLD_UNICAST_CHECKSUM_ALWAYS: OldUnicastChecksum
OLD_UNICAST_CHECKSUM_NEVER: OldUnicastChecksum
IPVLAN_MODE_UNSPECIFIED: IpvlanMode
IPVLAN_MODE_BRIDGE: IpvlanMode
IPVLAN_MODE_PRIVATE: IpvlanMode
IPVLAN_MODE_VEPA: IpvlanMode

class Authentication(_message.Message):
    __slots__ = ("auth_type", "auth_pass")
    AUTH_TYPE_FIELD_NUMBER: _ClassVar[int]
    AUTH_PASS_FIELD_NUMBER: _ClassVar[int]
    auth_type: AuthType
    auth_pass: str
    def __init__(self, auth_type: _Optional[_Union[AuthType, str]] = ..., auth_pass: _Optional[str] = ...) -> None: ...

class HmacKey(_message.Message):
    __slots__ = ("id", "value", "key_file")
    ID_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    KEY_FILE_FIELD_NUMBER: _ClassVar[int]
    id: int
    value: str
    key_file: str
    def __init__(self, id: _Optional[int] = ..., value: _Optional[str] = ..., key_file: _Optional[str] = ...) -> None: ...

class AuthHmac(_message.Message):
    __slots__ = ("key", "active_key", "time_window", "anti_replay", "mode")
    KEY_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_KEY_FIELD_NUMBER: _ClassVar[int]
    TIME_WINDOW_FIELD_NUMBER: _ClassVar[int]
    ANTI_REPLAY_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    key: _containers.RepeatedCompositeFieldContainer[HmacKey]
    active_key: int
    time_window: _duration_pb2.Duration
    anti_replay: AntiReplay
    mode: HmacMode
    def __init__(self, key: _Optional[_Iterable[_Union[HmacKey, _Mapping]]] = ..., active_key: _Optional[int] = ..., time_window: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., anti_replay: _Optional[_Union[AntiReplay, str]] = ..., mode: _Optional[_Union[HmacMode, str]] = ...) -> None: ...

class UnicastPeer(_message.Message):
    __slots__ = ("address", "min_ttl", "max_ttl")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    MIN_TTL_FIELD_NUMBER: _ClassVar[int]
    MAX_TTL_FIELD_NUMBER: _ClassVar[int]
    address: str
    min_ttl: int
    max_ttl: int
    def __init__(self, address: _Optional[str] = ..., min_ttl: _Optional[int] = ..., max_ttl: _Optional[int] = ...) -> None: ...

class VirtualIpAddress(_message.Message):
    __slots__ = ("address", "dev", "scope", "label", "brd", "peer", "home", "dad", "mngtmpaddr", "noprefixroute", "autojoin", "preferred_lft", "no_track", "track_group", "use_vmac")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    DEV_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    BRD_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    HOME_FIELD_NUMBER: _ClassVar[int]
    DAD_FIELD_NUMBER: _ClassVar[int]
    MNGTMPADDR_FIELD_NUMBER: _ClassVar[int]
    NOPREFIXROUTE_FIELD_NUMBER: _ClassVar[int]
    AUTOJOIN_FIELD_NUMBER: _ClassVar[int]
    PREFERRED_LFT_FIELD_NUMBER: _ClassVar[int]
    NO_TRACK_FIELD_NUMBER: _ClassVar[int]
    TRACK_GROUP_FIELD_NUMBER: _ClassVar[int]
    USE_VMAC_FIELD_NUMBER: _ClassVar[int]
    address: str
    dev: str
    scope: str
    label: str
    brd: str
    peer: str
    home: bool
    dad: bool
    mngtmpaddr: bool
    noprefixroute: bool
    autojoin: bool
    preferred_lft: str
    no_track: bool
    track_group: str
    use_vmac: bool
    def __init__(self, address: _Optional[str] = ..., dev: _Optional[str] = ..., scope: _Optional[str] = ..., label: _Optional[str] = ..., brd: _Optional[str] = ..., peer: _Optional[str] = ..., home: _Optional[bool] = ..., dad: _Optional[bool] = ..., mngtmpaddr: _Optional[bool] = ..., noprefixroute: _Optional[bool] = ..., autojoin: _Optional[bool] = ..., preferred_lft: _Optional[str] = ..., no_track: _Optional[bool] = ..., track_group: _Optional[str] = ..., use_vmac: _Optional[bool] = ...) -> None: ...

class TrackInterface(_message.Message):
    __slots__ = ("name", "weight", "reverse")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    REVERSE_FIELD_NUMBER: _ClassVar[int]
    name: str
    weight: int
    reverse: bool
    def __init__(self, name: _Optional[str] = ..., weight: _Optional[int] = ..., reverse: _Optional[bool] = ...) -> None: ...

class TrackScript(_message.Message):
    __slots__ = ("name", "weight", "reverse")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    REVERSE_FIELD_NUMBER: _ClassVar[int]
    name: str
    weight: int
    reverse: bool
    def __init__(self, name: _Optional[str] = ..., weight: _Optional[int] = ..., reverse: _Optional[bool] = ...) -> None: ...

class TrackBfd(_message.Message):
    __slots__ = ("name", "weight", "reverse")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    REVERSE_FIELD_NUMBER: _ClassVar[int]
    name: str
    weight: int
    reverse: bool
    def __init__(self, name: _Optional[str] = ..., weight: _Optional[int] = ..., reverse: _Optional[bool] = ...) -> None: ...

class Vmac(_message.Message):
    __slots__ = ("name", "mac", "group")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MAC_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    name: str
    mac: str
    group: int
    def __init__(self, name: _Optional[str] = ..., mac: _Optional[str] = ..., group: _Optional[int] = ...) -> None: ...

class Ipvlan(_message.Message):
    __slots__ = ("name", "address", "mode", "group")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    name: str
    address: str
    mode: IpvlanMode
    group: int
    def __init__(self, name: _Optional[str] = ..., address: _Optional[str] = ..., mode: _Optional[_Union[IpvlanMode, str]] = ..., group: _Optional[int] = ...) -> None: ...

class VrrpInstance(_message.Message):
    __slots__ = ("state", "interface", "virtual_router_id", "priority", "advert_int", "version", "authentication", "virtual_ipaddress", "virtual_ipaddress_excluded", "nopreempt", "preempt_delay", "garp_master_delay", "garp_master_repeat", "garp_master_refresh", "garp_master_refresh_repeat", "garp_lower_prio_delay", "garp_lower_prio_repeat", "lower_prio_no_advert", "higher_prio_send_advert", "down_timer_adverts", "track_interface", "track_script", "track_file", "track_process", "dont_track_primary", "mcast_src_ip", "notify_master", "notify_backup", "notify_fault", "notify_stop", "notify", "smtp_alert", "native_ipv6", "unicast_peer", "unicast_src_ip", "unicast_ttl", "check_unicast_src", "unicast_fault_no_peer", "v3_checksum_as_v2", "old_unicast_checksum", "auth_hmac", "virtual_routes", "virtual_rules", "garp_extra_if", "garp_extra_if_all", "strict_mode", "accept", "skip_check_adv_addr", "owner_ignore_adverts", "track_bfd", "use_vmac", "vmac_xmit_base", "use_vmac_addr", "use_ipvlan", "mcast_dst_ip", "track_src_ip", "promote_secondaries", "vrf")
    STATE_FIELD_NUMBER: _ClassVar[int]
    INTERFACE_FIELD_NUMBER: _ClassVar[int]
    VIRTUAL_ROUTER_ID_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    ADVERT_INT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    AUTHENTICATION_FIELD_NUMBER: _ClassVar[int]
    VIRTUAL_IPADDRESS_FIELD_NUMBER: _ClassVar[int]
    VIRTUAL_IPADDRESS_EXCLUDED_FIELD_NUMBER: _ClassVar[int]
    NOPREEMPT_FIELD_NUMBER: _ClassVar[int]
    PREEMPT_DELAY_FIELD_NUMBER: _ClassVar[int]
    GARP_MASTER_DELAY_FIELD_NUMBER: _ClassVar[int]
    GARP_MASTER_REPEAT_FIELD_NUMBER: _ClassVar[int]
    GARP_MASTER_REFRESH_FIELD_NUMBER: _ClassVar[int]
    GARP_MASTER_REFRESH_REPEAT_FIELD_NUMBER: _ClassVar[int]
    GARP_LOWER_PRIO_DELAY_FIELD_NUMBER: _ClassVar[int]
    GARP_LOWER_PRIO_REPEAT_FIELD_NUMBER: _ClassVar[int]
    LOWER_PRIO_NO_ADVERT_FIELD_NUMBER: _ClassVar[int]
    HIGHER_PRIO_SEND_ADVERT_FIELD_NUMBER: _ClassVar[int]
    DOWN_TIMER_ADVERTS_FIELD_NUMBER: _ClassVar[int]
    TRACK_INTERFACE_FIELD_NUMBER: _ClassVar[int]
    TRACK_SCRIPT_FIELD_NUMBER: _ClassVar[int]
    TRACK_FILE_FIELD_NUMBER: _ClassVar[int]
    TRACK_PROCESS_FIELD_NUMBER: _ClassVar[int]
    DONT_TRACK_PRIMARY_FIELD_NUMBER: _ClassVar[int]
    MCAST_SRC_IP_FIELD_NUMBER: _ClassVar[int]
    NOTIFY_MASTER_FIELD_NUMBER: _ClassVar[int]
    NOTIFY_BACKUP_FIELD_NUMBER: _ClassVar[int]
    NOTIFY_FAULT_FIELD_NUMBER: _ClassVar[int]
    NOTIFY_STOP_FIELD_NUMBER: _ClassVar[int]
    NOTIFY_FIELD_NUMBER: _ClassVar[int]
    SMTP_ALERT_FIELD_NUMBER: _ClassVar[int]
    NATIVE_IPV6_FIELD_NUMBER: _ClassVar[int]
    UNICAST_PEER_FIELD_NUMBER: _ClassVar[int]
    UNICAST_SRC_IP_FIELD_NUMBER: _ClassVar[int]
    UNICAST_TTL_FIELD_NUMBER: _ClassVar[int]
    CHECK_UNICAST_SRC_FIELD_NUMBER: _ClassVar[int]
    UNICAST_FAULT_NO_PEER_FIELD_NUMBER: _ClassVar[int]
    V3_CHECKSUM_AS_V2_FIELD_NUMBER: _ClassVar[int]
    OLD_UNICAST_CHECKSUM_FIELD_NUMBER: _ClassVar[int]
    AUTH_HMAC_FIELD_NUMBER: _ClassVar[int]
    VIRTUAL_ROUTES_FIELD_NUMBER: _ClassVar[int]
    VIRTUAL_RULES_FIELD_NUMBER: _ClassVar[int]
    GARP_EXTRA_IF_FIELD_NUMBER: _ClassVar[int]
    GARP_EXTRA_IF_ALL_FIELD_NUMBER: _ClassVar[int]
    STRICT_MODE_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_FIELD_NUMBER: _ClassVar[int]
    SKIP_CHECK_ADV_ADDR_FIELD_NUMBER: _ClassVar[int]
    OWNER_IGNORE_ADVERTS_FIELD_NUMBER: _ClassVar[int]
    TRACK_BFD_FIELD_NUMBER: _ClassVar[int]
    USE_VMAC_FIELD_NUMBER: _ClassVar[int]
    VMAC_XMIT_BASE_FIELD_NUMBER: _ClassVar[int]
    USE_VMAC_ADDR_FIELD_NUMBER: _ClassVar[int]
    USE_IPVLAN_FIELD_NUMBER: _ClassVar[int]
    MCAST_DST_IP_FIELD_NUMBER: _ClassVar[int]
    TRACK_SRC_IP_FIELD_NUMBER: _ClassVar[int]
    PROMOTE_SECONDARIES_FIELD_NUMBER: _ClassVar[int]
    VRF_FIELD_NUMBER: _ClassVar[int]
    state: InitialState
    interface: str
    virtual_router_id: int
    priority: int
    advert_int: _duration_pb2.Duration
    version: int
    authentication: Authentication
    virtual_ipaddress: _containers.RepeatedCompositeFieldContainer[VirtualIpAddress]
    virtual_ipaddress_excluded: _containers.RepeatedCompositeFieldContainer[VirtualIpAddress]
    nopreempt: bool
    preempt_delay: _duration_pb2.Duration
    garp_master_delay: _duration_pb2.Duration
    garp_master_repeat: int
    garp_master_refresh: _duration_pb2.Duration
    garp_master_refresh_repeat: int
    garp_lower_prio_delay: _duration_pb2.Duration
    garp_lower_prio_repeat: int
    lower_prio_no_advert: bool
    higher_prio_send_advert: bool
    down_timer_adverts: int
    track_interface: _containers.RepeatedCompositeFieldContainer[TrackInterface]
    track_script: _containers.RepeatedCompositeFieldContainer[TrackScript]
    track_file: _containers.RepeatedCompositeFieldContainer[_track_pb2.TrackedFile]
    track_process: _containers.RepeatedCompositeFieldContainer[_track_pb2.TrackedProcess]
    dont_track_primary: bool
    mcast_src_ip: str
    notify_master: str
    notify_backup: str
    notify_fault: str
    notify_stop: str
    notify: str
    smtp_alert: bool
    native_ipv6: bool
    unicast_peer: _containers.RepeatedCompositeFieldContainer[UnicastPeer]
    unicast_src_ip: str
    unicast_ttl: int
    check_unicast_src: bool
    unicast_fault_no_peer: bool
    v3_checksum_as_v2: bool
    old_unicast_checksum: OldUnicastChecksum
    auth_hmac: AuthHmac
    virtual_routes: _containers.RepeatedScalarFieldContainer[str]
    virtual_rules: _containers.RepeatedScalarFieldContainer[str]
    garp_extra_if: _duration_pb2.Duration
    garp_extra_if_all: bool
    strict_mode: bool
    accept: bool
    skip_check_adv_addr: bool
    owner_ignore_adverts: bool
    track_bfd: _containers.RepeatedCompositeFieldContainer[TrackBfd]
    use_vmac: Vmac
    vmac_xmit_base: bool
    use_vmac_addr: bool
    use_ipvlan: Ipvlan
    mcast_dst_ip: str
    track_src_ip: bool
    promote_secondaries: bool
    vrf: str
    def __init__(self, state: _Optional[_Union[InitialState, str]] = ..., interface: _Optional[str] = ..., virtual_router_id: _Optional[int] = ..., priority: _Optional[int] = ..., advert_int: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., version: _Optional[int] = ..., authentication: _Optional[_Union[Authentication, _Mapping]] = ..., virtual_ipaddress: _Optional[_Iterable[_Union[VirtualIpAddress, _Mapping]]] = ..., virtual_ipaddress_excluded: _Optional[_Iterable[_Union[VirtualIpAddress, _Mapping]]] = ..., nopreempt: _Optional[bool] = ..., preempt_delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., garp_master_delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., garp_master_repeat: _Optional[int] = ..., garp_master_refresh: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., garp_master_refresh_repeat: _Optional[int] = ..., garp_lower_prio_delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., garp_lower_prio_repeat: _Optional[int] = ..., lower_prio_no_advert: _Optional[bool] = ..., higher_prio_send_advert: _Optional[bool] = ..., down_timer_adverts: _Optional[int] = ..., track_interface: _Optional[_Iterable[_Union[TrackInterface, _Mapping]]] = ..., track_script: _Optional[_Iterable[_Union[TrackScript, _Mapping]]] = ..., track_file: _Optional[_Iterable[_Union[_track_pb2.TrackedFile, _Mapping]]] = ..., track_process: _Optional[_Iterable[_Union[_track_pb2.TrackedProcess, _Mapping]]] = ..., dont_track_primary: _Optional[bool] = ..., mcast_src_ip: _Optional[str] = ..., notify_master: _Optional[str] = ..., notify_backup: _Optional[str] = ..., notify_fault: _Optional[str] = ..., notify_stop: _Optional[str] = ..., notify: _Optional[str] = ..., smtp_alert: _Optional[bool] = ..., native_ipv6: _Optional[bool] = ..., unicast_peer: _Optional[_Iterable[_Union[UnicastPeer, _Mapping]]] = ..., unicast_src_ip: _Optional[str] = ..., unicast_ttl: _Optional[int] = ..., check_unicast_src: _Optional[bool] = ..., unicast_fault_no_peer: _Optional[bool] = ..., v3_checksum_as_v2: _Optional[bool] = ..., old_unicast_checksum: _Optional[_Union[OldUnicastChecksum, str]] = ..., auth_hmac: _Optional[_Union[AuthHmac, _Mapping]] = ..., virtual_routes: _Optional[_Iterable[str]] = ..., virtual_rules: _Optional[_Iterable[str]] = ..., garp_extra_if: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., garp_extra_if_all: _Optional[bool] = ..., strict_mode: _Optional[bool] = ..., accept: _Optional[bool] = ..., skip_check_adv_addr: _Optional[bool] = ..., owner_ignore_adverts: _Optional[bool] = ..., track_bfd: _Optional[_Iterable[_Union[TrackBfd, _Mapping]]] = ..., use_vmac: _Optional[_Union[Vmac, _Mapping]] = ..., vmac_xmit_base: _Optional[bool] = ..., use_vmac_addr: _Optional[bool] = ..., use_ipvlan: _Optional[_Union[Ipvlan, _Mapping]] = ..., mcast_dst_ip: _Optional[str] = ..., track_src_ip: _Optional[bool] = ..., promote_secondaries: _Optional[bool] = ..., vrf: _Optional[str] = ...) -> None: ...

class VrrpSyncGroup(_message.Message):
    __slots__ = ("group", "notify_master", "notify_backup", "notify_fault", "notify_stop", "notify", "smtp_alert", "sync_group_tracking_weight", "track_interface", "track_script", "track_file", "track_process", "track_bfd")
    GROUP_FIELD_NUMBER: _ClassVar[int]
    NOTIFY_MASTER_FIELD_NUMBER: _ClassVar[int]
    NOTIFY_BACKUP_FIELD_NUMBER: _ClassVar[int]
    NOTIFY_FAULT_FIELD_NUMBER: _ClassVar[int]
    NOTIFY_STOP_FIELD_NUMBER: _ClassVar[int]
    NOTIFY_FIELD_NUMBER: _ClassVar[int]
    SMTP_ALERT_FIELD_NUMBER: _ClassVar[int]
    SYNC_GROUP_TRACKING_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    TRACK_INTERFACE_FIELD_NUMBER: _ClassVar[int]
    TRACK_SCRIPT_FIELD_NUMBER: _ClassVar[int]
    TRACK_FILE_FIELD_NUMBER: _ClassVar[int]
    TRACK_PROCESS_FIELD_NUMBER: _ClassVar[int]
    TRACK_BFD_FIELD_NUMBER: _ClassVar[int]
    group: _containers.RepeatedScalarFieldContainer[str]
    notify_master: str
    notify_backup: str
    notify_fault: str
    notify_stop: str
    notify: str
    smtp_alert: bool
    sync_group_tracking_weight: bool
    track_interface: _containers.RepeatedCompositeFieldContainer[TrackInterface]
    track_script: _containers.RepeatedCompositeFieldContainer[TrackScript]
    track_file: _containers.RepeatedCompositeFieldContainer[_track_pb2.TrackedFile]
    track_process: _containers.RepeatedCompositeFieldContainer[_track_pb2.TrackedProcess]
    track_bfd: _containers.RepeatedCompositeFieldContainer[TrackBfd]
    def __init__(self, group: _Optional[_Iterable[str]] = ..., notify_master: _Optional[str] = ..., notify_backup: _Optional[str] = ..., notify_fault: _Optional[str] = ..., notify_stop: _Optional[str] = ..., notify: _Optional[str] = ..., smtp_alert: _Optional[bool] = ..., sync_group_tracking_weight: _Optional[bool] = ..., track_interface: _Optional[_Iterable[_Union[TrackInterface, _Mapping]]] = ..., track_script: _Optional[_Iterable[_Union[TrackScript, _Mapping]]] = ..., track_file: _Optional[_Iterable[_Union[_track_pb2.TrackedFile, _Mapping]]] = ..., track_process: _Optional[_Iterable[_Union[_track_pb2.TrackedProcess, _Mapping]]] = ..., track_bfd: _Optional[_Iterable[_Union[TrackBfd, _Mapping]]] = ...) -> None: ...

class VrrpScript(_message.Message):
    __slots__ = ("script", "interval", "timeout", "weight", "rise", "fall", "init_fail", "user", "reverse")
    SCRIPT_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    RISE_FIELD_NUMBER: _ClassVar[int]
    FALL_FIELD_NUMBER: _ClassVar[int]
    INIT_FAIL_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    REVERSE_FIELD_NUMBER: _ClassVar[int]
    script: str
    interval: _duration_pb2.Duration
    timeout: _duration_pb2.Duration
    weight: int
    rise: int
    fall: int
    init_fail: bool
    user: str
    reverse: bool
    def __init__(self, script: _Optional[str] = ..., interval: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., weight: _Optional[int] = ..., rise: _Optional[int] = ..., fall: _Optional[int] = ..., init_fail: _Optional[bool] = ..., user: _Optional[str] = ..., reverse: _Optional[bool] = ...) -> None: ...

class Static(_message.Message):
    __slots__ = ("static_ipaddress", "static_routes", "static_rules")
    STATIC_IPADDRESS_FIELD_NUMBER: _ClassVar[int]
    STATIC_ROUTES_FIELD_NUMBER: _ClassVar[int]
    STATIC_RULES_FIELD_NUMBER: _ClassVar[int]
    static_ipaddress: _containers.RepeatedCompositeFieldContainer[VirtualIpAddress]
    static_routes: _containers.RepeatedScalarFieldContainer[str]
    static_rules: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, static_ipaddress: _Optional[_Iterable[_Union[VirtualIpAddress, _Mapping]]] = ..., static_routes: _Optional[_Iterable[str]] = ..., static_rules: _Optional[_Iterable[str]] = ...) -> None: ...

class TrackGroup(_message.Message):
    __slots__ = ("group",)
    GROUP_FIELD_NUMBER: _ClassVar[int]
    group: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, group: _Optional[_Iterable[str]] = ...) -> None: ...

class GarpGroup(_message.Message):
    __slots__ = ("garp_interval", "gna_interval", "interface", "interfaces")
    GARP_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    GNA_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    INTERFACE_FIELD_NUMBER: _ClassVar[int]
    INTERFACES_FIELD_NUMBER: _ClassVar[int]
    garp_interval: _duration_pb2.Duration
    gna_interval: _duration_pb2.Duration
    interface: str
    interfaces: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, garp_interval: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., gna_interval: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., interface: _Optional[str] = ..., interfaces: _Optional[_Iterable[str]] = ...) -> None: ...
