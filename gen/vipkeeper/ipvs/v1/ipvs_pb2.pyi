import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from vipkeeper.common.v1 import event_pb2 as _event_pb2
from vipkeeper.config.v1 import server_pb2 as _server_pb2
from vipkeeper.ipvs.v1 import health_pb2 as _health_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Health(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HEALTH_UNSPECIFIED: _ClassVar[Health]
    HEALTH_UP: _ClassVar[Health]
    HEALTH_DOWN: _ClassVar[Health]
    HEALTH_PRESUMED_UP: _ClassVar[Health]
    HEALTH_PRESUMED_DOWN: _ClassVar[Health]

class Verb(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERB_UNSPECIFIED: _ClassVar[Verb]
    VERB_ADD_SERVICE: _ClassVar[Verb]
    VERB_EDIT_SERVICE: _ClassVar[Verb]
    VERB_REMOVE_SERVICE: _ClassVar[Verb]
    VERB_ADD_SERVER: _ClassVar[Verb]
    VERB_EDIT_SERVER: _ClassVar[Verb]
    VERB_REMOVE_SERVER: _ClassVar[Verb]
HEALTH_UNSPECIFIED: Health
HEALTH_UP: Health
HEALTH_DOWN: Health
HEALTH_PRESUMED_UP: Health
HEALTH_PRESUMED_DOWN: Health
VERB_UNSPECIFIED: Verb
VERB_ADD_SERVICE: Verb
VERB_EDIT_SERVICE: Verb
VERB_REMOVE_SERVICE: Verb
VERB_ADD_SERVER: Verb
VERB_EDIT_SERVER: Verb
VERB_REMOVE_SERVER: Verb

class Counters(_message.Message):
    __slots__ = ("connections", "packets_in", "packets_out", "bytes_in", "bytes_out", "connections_per_second", "packets_in_per_second", "packets_out_per_second", "bytes_in_per_second", "bytes_out_per_second")
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    PACKETS_IN_FIELD_NUMBER: _ClassVar[int]
    PACKETS_OUT_FIELD_NUMBER: _ClassVar[int]
    BYTES_IN_FIELD_NUMBER: _ClassVar[int]
    BYTES_OUT_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    PACKETS_IN_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    PACKETS_OUT_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    BYTES_IN_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    BYTES_OUT_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    connections: int
    packets_in: int
    packets_out: int
    bytes_in: int
    bytes_out: int
    connections_per_second: int
    packets_in_per_second: int
    packets_out_per_second: int
    bytes_in_per_second: int
    bytes_out_per_second: int
    def __init__(self, connections: _Optional[int] = ..., packets_in: _Optional[int] = ..., packets_out: _Optional[int] = ..., bytes_in: _Optional[int] = ..., bytes_out: _Optional[int] = ..., connections_per_second: _Optional[int] = ..., packets_in_per_second: _Optional[int] = ..., packets_out_per_second: _Optional[int] = ..., bytes_in_per_second: _Optional[int] = ..., bytes_out_per_second: _Optional[int] = ...) -> None: ...

class GroupService(_message.Message):
    __slots__ = ("address", "port", "protocol", "fwmark", "ipv6", "in_kernel", "counters", "problem")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    FWMARK_FIELD_NUMBER: _ClassVar[int]
    IPV6_FIELD_NUMBER: _ClassVar[int]
    IN_KERNEL_FIELD_NUMBER: _ClassVar[int]
    COUNTERS_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    address: str
    port: int
    protocol: _server_pb2.Protocol
    fwmark: int
    ipv6: bool
    in_kernel: bool
    counters: Counters
    problem: str
    def __init__(self, address: _Optional[str] = ..., port: _Optional[int] = ..., protocol: _Optional[_Union[_server_pb2.Protocol, str]] = ..., fwmark: _Optional[int] = ..., ipv6: _Optional[bool] = ..., in_kernel: _Optional[bool] = ..., counters: _Optional[_Union[Counters, _Mapping]] = ..., problem: _Optional[str] = ...) -> None: ...

class VirtualServer(_message.Message):
    __slots__ = ("name", "foreign", "in_kernel", "address", "port", "protocol", "fwmark", "ipv6", "scheduler", "flags", "persistence_timeout", "persistence_prefix", "quorum", "hysteresis", "live_weight", "quorum_up", "sorry_active", "counters", "problem", "real_servers", "persistence_engine", "group", "services", "panic", "priority_group")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FOREIGN_FIELD_NUMBER: _ClassVar[int]
    IN_KERNEL_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    FWMARK_FIELD_NUMBER: _ClassVar[int]
    IPV6_FIELD_NUMBER: _ClassVar[int]
    SCHEDULER_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    PERSISTENCE_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    PERSISTENCE_PREFIX_FIELD_NUMBER: _ClassVar[int]
    QUORUM_FIELD_NUMBER: _ClassVar[int]
    HYSTERESIS_FIELD_NUMBER: _ClassVar[int]
    LIVE_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    QUORUM_UP_FIELD_NUMBER: _ClassVar[int]
    SORRY_ACTIVE_FIELD_NUMBER: _ClassVar[int]
    COUNTERS_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    REAL_SERVERS_FIELD_NUMBER: _ClassVar[int]
    PERSISTENCE_ENGINE_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    SERVICES_FIELD_NUMBER: _ClassVar[int]
    PANIC_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_GROUP_FIELD_NUMBER: _ClassVar[int]
    name: str
    foreign: bool
    in_kernel: bool
    address: str
    port: int
    protocol: _server_pb2.Protocol
    fwmark: int
    ipv6: bool
    scheduler: str
    flags: _containers.RepeatedScalarFieldContainer[str]
    persistence_timeout: _duration_pb2.Duration
    persistence_prefix: int
    quorum: int
    hysteresis: int
    live_weight: int
    quorum_up: bool
    sorry_active: bool
    counters: Counters
    problem: str
    real_servers: _containers.RepeatedCompositeFieldContainer[RealServer]
    persistence_engine: str
    group: str
    services: _containers.RepeatedCompositeFieldContainer[GroupService]
    panic: bool
    priority_group: int
    def __init__(self, name: _Optional[str] = ..., foreign: _Optional[bool] = ..., in_kernel: _Optional[bool] = ..., address: _Optional[str] = ..., port: _Optional[int] = ..., protocol: _Optional[_Union[_server_pb2.Protocol, str]] = ..., fwmark: _Optional[int] = ..., ipv6: _Optional[bool] = ..., scheduler: _Optional[str] = ..., flags: _Optional[_Iterable[str]] = ..., persistence_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., persistence_prefix: _Optional[int] = ..., quorum: _Optional[int] = ..., hysteresis: _Optional[int] = ..., live_weight: _Optional[int] = ..., quorum_up: _Optional[bool] = ..., sorry_active: _Optional[bool] = ..., counters: _Optional[_Union[Counters, _Mapping]] = ..., problem: _Optional[str] = ..., real_servers: _Optional[_Iterable[_Union[RealServer, _Mapping]]] = ..., persistence_engine: _Optional[str] = ..., group: _Optional[str] = ..., services: _Optional[_Iterable[_Union[GroupService, _Mapping]]] = ..., panic: _Optional[bool] = ..., priority_group: _Optional[int] = ...) -> None: ...

class RealServer(_message.Message):
    __slots__ = ("name", "address", "port", "lb_kind", "in_kernel", "configured_weight", "weight", "health", "cause", "probed_at", "uthreshold", "lthreshold", "active_connections", "inactive_connections", "persistent_connections", "counters", "problem", "tunnel", "drain", "priority_group", "slow_start_since")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    LB_KIND_FIELD_NUMBER: _ClassVar[int]
    IN_KERNEL_FIELD_NUMBER: _ClassVar[int]
    CONFIGURED_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    PROBED_AT_FIELD_NUMBER: _ClassVar[int]
    UTHRESHOLD_FIELD_NUMBER: _ClassVar[int]
    LTHRESHOLD_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    INACTIVE_CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    PERSISTENT_CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    COUNTERS_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    TUNNEL_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_GROUP_FIELD_NUMBER: _ClassVar[int]
    SLOW_START_SINCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    address: str
    port: int
    lb_kind: _server_pb2.LbKind
    in_kernel: bool
    configured_weight: int
    weight: int
    health: Health
    cause: str
    probed_at: _timestamp_pb2.Timestamp
    uthreshold: int
    lthreshold: int
    active_connections: int
    inactive_connections: int
    persistent_connections: int
    counters: Counters
    problem: str
    tunnel: _server_pb2.Tunnel
    drain: Drain
    priority_group: int
    slow_start_since: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., address: _Optional[str] = ..., port: _Optional[int] = ..., lb_kind: _Optional[_Union[_server_pb2.LbKind, str]] = ..., in_kernel: _Optional[bool] = ..., configured_weight: _Optional[int] = ..., weight: _Optional[int] = ..., health: _Optional[_Union[Health, str]] = ..., cause: _Optional[str] = ..., probed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., uthreshold: _Optional[int] = ..., lthreshold: _Optional[int] = ..., active_connections: _Optional[int] = ..., inactive_connections: _Optional[int] = ..., persistent_connections: _Optional[int] = ..., counters: _Optional[_Union[Counters, _Mapping]] = ..., problem: _Optional[str] = ..., tunnel: _Optional[_Union[_server_pb2.Tunnel, _Mapping]] = ..., drain: _Optional[_Union[Drain, _Mapping]] = ..., priority_group: _Optional[int] = ..., slow_start_since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListVirtualServersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SyncDaemon(_message.Message):
    __slots__ = ("master", "interface", "id", "maxlen", "group", "port", "ttl")
    MASTER_FIELD_NUMBER: _ClassVar[int]
    INTERFACE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    MAXLEN_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    master: bool
    interface: str
    id: int
    maxlen: int
    group: str
    port: int
    ttl: int
    def __init__(self, master: _Optional[bool] = ..., interface: _Optional[str] = ..., id: _Optional[int] = ..., maxlen: _Optional[int] = ..., group: _Optional[str] = ..., port: _Optional[int] = ..., ttl: _Optional[int] = ...) -> None: ...

class Timeouts(_message.Message):
    __slots__ = ("tcp", "tcpfin", "udp")
    TCP_FIELD_NUMBER: _ClassVar[int]
    TCPFIN_FIELD_NUMBER: _ClassVar[int]
    UDP_FIELD_NUMBER: _ClassVar[int]
    tcp: _duration_pb2.Duration
    tcpfin: _duration_pb2.Duration
    udp: _duration_pb2.Duration
    def __init__(self, tcp: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., tcpfin: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., udp: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ListVirtualServersResponse(_message.Message):
    __slots__ = ("virtual_servers", "unavailable", "sync_daemons", "timeouts")
    VIRTUAL_SERVERS_FIELD_NUMBER: _ClassVar[int]
    UNAVAILABLE_FIELD_NUMBER: _ClassVar[int]
    SYNC_DAEMONS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUTS_FIELD_NUMBER: _ClassVar[int]
    virtual_servers: _containers.RepeatedCompositeFieldContainer[VirtualServer]
    unavailable: str
    sync_daemons: _containers.RepeatedCompositeFieldContainer[SyncDaemon]
    timeouts: Timeouts
    def __init__(self, virtual_servers: _Optional[_Iterable[_Union[VirtualServer, _Mapping]]] = ..., unavailable: _Optional[str] = ..., sync_daemons: _Optional[_Iterable[_Union[SyncDaemon, _Mapping]]] = ..., timeouts: _Optional[_Union[Timeouts, _Mapping]] = ...) -> None: ...

class GetVirtualServerRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetVirtualServerResponse(_message.Message):
    __slots__ = ("virtual_server",)
    VIRTUAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    virtual_server: VirtualServer
    def __init__(self, virtual_server: _Optional[_Union[VirtualServer, _Mapping]] = ...) -> None: ...

class WatchVirtualServersRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class WatchVirtualServersResponse(_message.Message):
    __slots__ = ("sequence", "virtual_server", "real_server", "gone", "synced")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    VIRTUAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    REAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    GONE_FIELD_NUMBER: _ClassVar[int]
    SYNCED_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    virtual_server: VirtualServer
    real_server: WatchedRealServer
    gone: Gone
    synced: Synced
    def __init__(self, sequence: _Optional[int] = ..., virtual_server: _Optional[_Union[VirtualServer, _Mapping]] = ..., real_server: _Optional[_Union[WatchedRealServer, _Mapping]] = ..., gone: _Optional[_Union[Gone, _Mapping]] = ..., synced: _Optional[_Union[Synced, _Mapping]] = ...) -> None: ...

class WatchedRealServer(_message.Message):
    __slots__ = ("virtual_server", "real_server")
    VIRTUAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    REAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    virtual_server: str
    real_server: RealServer
    def __init__(self, virtual_server: _Optional[str] = ..., real_server: _Optional[_Union[RealServer, _Mapping]] = ...) -> None: ...

class Gone(_message.Message):
    __slots__ = ("virtual_server", "real_server")
    VIRTUAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    REAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    virtual_server: str
    real_server: str
    def __init__(self, virtual_server: _Optional[str] = ..., real_server: _Optional[str] = ...) -> None: ...

class Synced(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PlanRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PlanResponse(_message.Message):
    __slots__ = ("operations",)
    OPERATIONS_FIELD_NUMBER: _ClassVar[int]
    operations: _containers.RepeatedCompositeFieldContainer[Operation]
    def __init__(self, operations: _Optional[_Iterable[_Union[Operation, _Mapping]]] = ...) -> None: ...

class Operation(_message.Message):
    __slots__ = ("verb", "virtual_server", "real_server", "text", "refused")
    VERB_FIELD_NUMBER: _ClassVar[int]
    VIRTUAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    REAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    verb: Verb
    virtual_server: str
    real_server: str
    text: str
    refused: str
    def __init__(self, verb: _Optional[_Union[Verb, str]] = ..., virtual_server: _Optional[str] = ..., real_server: _Optional[str] = ..., text: _Optional[str] = ..., refused: _Optional[str] = ...) -> None: ...

class Drain(_message.Message):
    __slots__ = ("virtual_server", "real_server", "step", "reason", "since", "deadline", "until", "removed", "connections")
    VIRTUAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    REAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    virtual_server: str
    real_server: str
    step: _event_pb2.DrainStep
    reason: str
    since: _timestamp_pb2.Timestamp
    deadline: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    removed: bool
    connections: int
    def __init__(self, virtual_server: _Optional[str] = ..., real_server: _Optional[str] = ..., step: _Optional[_Union[_event_pb2.DrainStep, str]] = ..., reason: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., deadline: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., removed: _Optional[bool] = ..., connections: _Optional[int] = ...) -> None: ...

class DrainRequest(_message.Message):
    __slots__ = ("virtual_server", "real_server", "reason", "deadline", "until", "validate_only")
    VIRTUAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    REAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    virtual_server: str
    real_server: str
    reason: str
    deadline: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    validate_only: bool
    def __init__(self, virtual_server: _Optional[str] = ..., real_server: _Optional[str] = ..., reason: _Optional[str] = ..., deadline: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class DrainResponse(_message.Message):
    __slots__ = ("drain", "live_weight", "quorum", "quorum_up", "warnings")
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    LIVE_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    QUORUM_FIELD_NUMBER: _ClassVar[int]
    QUORUM_UP_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    drain: Drain
    live_weight: int
    quorum: int
    quorum_up: bool
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, drain: _Optional[_Union[Drain, _Mapping]] = ..., live_weight: _Optional[int] = ..., quorum: _Optional[int] = ..., quorum_up: _Optional[bool] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class EndDrainRequest(_message.Message):
    __slots__ = ("virtual_server", "real_server", "validate_only")
    VIRTUAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    REAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    virtual_server: str
    real_server: str
    validate_only: bool
    def __init__(self, virtual_server: _Optional[str] = ..., real_server: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class EndDrainResponse(_message.Message):
    __slots__ = ("drain",)
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    drain: Drain
    def __init__(self, drain: _Optional[_Union[Drain, _Mapping]] = ...) -> None: ...

class ListDrainsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListDrainsResponse(_message.Message):
    __slots__ = ("drains",)
    DRAINS_FIELD_NUMBER: _ClassVar[int]
    drains: _containers.RepeatedCompositeFieldContainer[Drain]
    def __init__(self, drains: _Optional[_Iterable[_Union[Drain, _Mapping]]] = ...) -> None: ...
