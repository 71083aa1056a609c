import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CheckType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHECK_TYPE_UNSPECIFIED: _ClassVar[CheckType]
    CHECK_TYPE_TCP: _ClassVar[CheckType]
    CHECK_TYPE_HTTP: _ClassVar[CheckType]
    CHECK_TYPE_SSL: _ClassVar[CheckType]
    CHECK_TYPE_MISC: _ClassVar[CheckType]
    CHECK_TYPE_DNS: _ClassVar[CheckType]
    CHECK_TYPE_UDP: _ClassVar[CheckType]
    CHECK_TYPE_PING: _ClassVar[CheckType]
    CHECK_TYPE_SMTP: _ClassVar[CheckType]
    CHECK_TYPE_FILE: _ClassVar[CheckType]
    CHECK_TYPE_GRPC: _ClassVar[CheckType]
    CHECK_TYPE_AGENT: _ClassVar[CheckType]

class CheckState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHECK_STATE_UNSPECIFIED: _ClassVar[CheckState]
    CHECK_STATE_WAITING: _ClassVar[CheckState]
    CHECK_STATE_UP: _ClassVar[CheckState]
    CHECK_STATE_DOWN: _ClassVar[CheckState]
    CHECK_STATE_RECOVERING: _ClassVar[CheckState]
CHECK_TYPE_UNSPECIFIED: CheckType
CHECK_TYPE_TCP: CheckType
CHECK_TYPE_HTTP: CheckType
CHECK_TYPE_SSL: CheckType
CHECK_TYPE_MISC: CheckType
CHECK_TYPE_DNS: CheckType
CHECK_TYPE_UDP: CheckType
CHECK_TYPE_PING: CheckType
CHECK_TYPE_SMTP: CheckType
CHECK_TYPE_FILE: CheckType
CHECK_TYPE_GRPC: CheckType
CHECK_TYPE_AGENT: CheckType
CHECK_STATE_UNSPECIFIED: CheckState
CHECK_STATE_WAITING: CheckState
CHECK_STATE_UP: CheckState
CHECK_STATE_DOWN: CheckState
CHECK_STATE_RECOVERING: CheckState

class Check(_message.Message):
    __slots__ = ("virtual_server", "real_server", "name", "type", "target", "state", "failures", "url", "weight", "weight_adjustment", "last_probe", "last_duration", "cause", "next_probe", "suspended", "probe_users")
    VIRTUAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    REAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_ADJUSTMENT_FIELD_NUMBER: _ClassVar[int]
    LAST_PROBE_FIELD_NUMBER: _ClassVar[int]
    LAST_DURATION_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PROBE_FIELD_NUMBER: _ClassVar[int]
    SUSPENDED_FIELD_NUMBER: _ClassVar[int]
    PROBE_USERS_FIELD_NUMBER: _ClassVar[int]
    virtual_server: str
    real_server: str
    name: str
    type: CheckType
    target: str
    state: CheckState
    failures: int
    url: int
    weight: int
    weight_adjustment: int
    last_probe: _timestamp_pb2.Timestamp
    last_duration: _duration_pb2.Duration
    cause: str
    next_probe: _timestamp_pb2.Timestamp
    suspended: bool
    probe_users: int
    def __init__(self, virtual_server: _Optional[str] = ..., real_server: _Optional[str] = ..., name: _Optional[str] = ..., type: _Optional[_Union[CheckType, str]] = ..., target: _Optional[str] = ..., state: _Optional[_Union[CheckState, str]] = ..., failures: _Optional[int] = ..., url: _Optional[int] = ..., weight: _Optional[int] = ..., weight_adjustment: _Optional[int] = ..., last_probe: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., cause: _Optional[str] = ..., next_probe: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., suspended: _Optional[bool] = ..., probe_users: _Optional[int] = ...) -> None: ...

class Server(_message.Message):
    __slots__ = ("virtual_server", "real_server", "up", "weight_adjustment", "cause", "checks")
    VIRTUAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    REAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    UP_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_ADJUSTMENT_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    virtual_server: str
    real_server: str
    up: bool
    weight_adjustment: int
    cause: str
    checks: int
    def __init__(self, virtual_server: _Optional[str] = ..., real_server: _Optional[str] = ..., up: _Optional[bool] = ..., weight_adjustment: _Optional[int] = ..., cause: _Optional[str] = ..., checks: _Optional[int] = ...) -> None: ...

class ListChecksRequest(_message.Message):
    __slots__ = ("virtual_server", "real_server")
    VIRTUAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    REAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    virtual_server: str
    real_server: str
    def __init__(self, virtual_server: _Optional[str] = ..., real_server: _Optional[str] = ...) -> None: ...

class ListChecksResponse(_message.Message):
    __slots__ = ("checks",)
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    checks: _containers.RepeatedCompositeFieldContainer[Check]
    def __init__(self, checks: _Optional[_Iterable[_Union[Check, _Mapping]]] = ...) -> None: ...

class WatchChecksRequest(_message.Message):
    __slots__ = ("virtual_server", "real_server")
    VIRTUAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    REAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    virtual_server: str
    real_server: str
    def __init__(self, virtual_server: _Optional[str] = ..., real_server: _Optional[str] = ...) -> None: ...

class WatchChecksResponse(_message.Message):
    __slots__ = ("sequence", "check", "removed", "synced")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CHECK_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    SYNCED_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    check: Check
    removed: Check
    synced: Synced
    def __init__(self, sequence: _Optional[int] = ..., check: _Optional[_Union[Check, _Mapping]] = ..., removed: _Optional[_Union[Check, _Mapping]] = ..., synced: _Optional[_Union[Synced, _Mapping]] = ...) -> None: ...

class Synced(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListServersRequest(_message.Message):
    __slots__ = ("virtual_server",)
    VIRTUAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    virtual_server: str
    def __init__(self, virtual_server: _Optional[str] = ...) -> None: ...

class ListServersResponse(_message.Message):
    __slots__ = ("servers",)
    SERVERS_FIELD_NUMBER: _ClassVar[int]
    servers: _containers.RepeatedCompositeFieldContainer[Server]
    def __init__(self, servers: _Optional[_Iterable[_Union[Server, _Mapping]]] = ...) -> None: ...
