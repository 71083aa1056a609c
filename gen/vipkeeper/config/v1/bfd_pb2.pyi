import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BfdInstance(_message.Message):
    __slots__ = ("neighbor_ip", "source_ip", "min_rx", "min_tx", "idle_tx", "multiplier", "passive", "ttl", "hoplimit", "max_hops", "multihop", "weight", "reverse")
    NEIGHBOR_IP_FIELD_NUMBER: _ClassVar[int]
    SOURCE_IP_FIELD_NUMBER: _ClassVar[int]
    MIN_RX_FIELD_NUMBER: _ClassVar[int]
    MIN_TX_FIELD_NUMBER: _ClassVar[int]
    IDLE_TX_FIELD_NUMBER: _ClassVar[int]
    MULTIPLIER_FIELD_NUMBER: _ClassVar[int]
    PASSIVE_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    HOPLIMIT_FIELD_NUMBER: _ClassVar[int]
    MAX_HOPS_FIELD_NUMBER: _ClassVar[int]
    MULTIHOP_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    REVERSE_FIELD_NUMBER: _ClassVar[int]
    neighbor_ip: str
    source_ip: str
    min_rx: _duration_pb2.Duration
    min_tx: _duration_pb2.Duration
    idle_tx: _duration_pb2.Duration
    multiplier: int
    passive: bool
    ttl: int
    hoplimit: int
    max_hops: int
    multihop: bool
    weight: int
    reverse: bool
    def __init__(self, neighbor_ip: _Optional[str] = ..., source_ip: _Optional[str] = ..., min_rx: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., min_tx: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., idle_tx: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., multiplier: _Optional[int] = ..., passive: _Optional[bool] = ..., ttl: _Optional[int] = ..., hoplimit: _Optional[int] = ..., max_hops: _Optional[int] = ..., multihop: _Optional[bool] = ..., weight: _Optional[int] = ..., reverse: _Optional[bool] = ...) -> None: ...
