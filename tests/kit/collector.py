"""An OTLP collector as a program: one JSON line per span, into a file. `python -m tests.kit.collector PORT FILE`."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


class Traces(trace_service_pb2_grpc.TraceServiceServicer):
    """Appends what it gets to `file`."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def Export(self, request: Any, context: Any) -> Any:
        lines = []
        for resource in request.resource_spans:
            service = {a.key: a.value.string_value for a in resource.resource.attributes}.get("service.name", "")
            for scope in resource.scope_spans:
                for span in scope.spans:
                    ids = {k: getattr(span, k).hex() for k in ("trace_id", "span_id", "parent_span_id")}
                    lines.append(json.dumps({"service": service, "name": span.name, **ids}) + "\n")
        with self._file.open("a") as f:
            f.write("".join(lines))
        return trace_service_pb2.ExportTraceServiceResponse()


def main(port: str, file: str) -> None:
    """Serve until killed."""
    server = grpc.server(ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Traces(Path(file)), server)  # type: ignore[no-untyped-call]
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main(*sys.argv[1:])
