import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ServerHealth(_message.Message):
    __slots__ = ("virtual_server", "real_server", "up", "weight_adjustment", "cause", "probed_at", "traceparent")
    VIRTUAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    REAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    UP_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_ADJUSTMENT_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    PROBED_AT_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    virtual_server: str
    real_server: str
    up: bool
    weight_adjustment: int
    cause: str
    probed_at: _timestamp_pb2.Timestamp
    traceparent: str
    def __init__(self, virtual_server: _Optional[str] = ..., real_server: _Optional[str] = ..., up: _Optional[bool] = ..., weight_adjustment: _Optional[int] = ..., cause: _Optional[str] = ..., probed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., traceparent: _Optional[str] = ...) -> None: ...

class ServerName(_message.Message):
    __slots__ = ("virtual_server", "real_server")
    VIRTUAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    REAL_SERVER_FIELD_NUMBER: _ClassVar[int]
    virtual_server: str
    real_server: str
    def __init__(self, virtual_server: _Optional[str] = ..., real_server: _Optional[str] = ...) -> None: ...

class ReportHealthRequest(_message.Message):
    __slots__ = ("epoch", "sequence", "snapshot", "servers", "removed")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    SERVERS_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    epoch: str
    sequence: int
    snapshot: bool
    servers: _containers.RepeatedCompositeFieldContainer[ServerHealth]
    removed: _containers.RepeatedCompositeFieldContainer[ServerName]
    def __init__(self, epoch: _Optional[str] = ..., sequence: _Optional[int] = ..., snapshot: _Optional[bool] = ..., servers: _Optional[_Iterable[_Union[ServerHealth, _Mapping]]] = ..., removed: _Optional[_Iterable[_Union[ServerName, _Mapping]]] = ...) -> None: ...

class ReportHealthResponse(_message.Message):
    __slots__ = ("sequence",)
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    def __init__(self, sequence: _Optional[int] = ...) -> None: ...
