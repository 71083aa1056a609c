"""How do other processes ask a service what is wrong now? ProblemService over gRPC, the same in all services."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import grpc.aio

from services.common.problems import Problem
from vipkeeper.common.v1 import problem_pb2, problem_pb2_grpc

NAME = "vipkeeper.common.v1.ProblemService"

Context = grpc.aio.ServicerContext[Any, Any]


class ProblemService(problem_pb2_grpc.ProblemServiceServicer):  # type: ignore[misc]  # generated code has no types
    """`read` gives the problems that exist now."""

    def __init__(self, read: Callable[[], Iterable[Problem]]) -> None:
        self._read = read

    async def ListProblems(
        self, request: problem_pb2.ListProblemsRequest, context: Context
    ) -> problem_pb2.ListProblemsResponse:
        found = sorted({*self._read()})
        return problem_pb2.ListProblemsResponse(problems=[problem_pb2.Problem(**p.as_fields()) for p in found])
