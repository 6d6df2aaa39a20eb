
from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Literal, NotRequired, Protocol, TypeAlias, TypedDict, TypeVar, cast

_T = TypeVar("_T", covariant=True)
_R = TypeVar("_R")


class Connection(Protocol):
    """An asyncpg connection or pool. A job that is published on a connection belongs to its transaction."""

    def fetchrow(self, query: str, /, *args: Any) -> Awaitable[Any]: ...


@dataclass(frozen=True)
class Options:
    """How a job is to run. What is None is as the task says.

    Greater priority runs first. `max_retries` counts runs in all: 3 means at most three.
    `timeout` is in seconds, `scheduled_at` has a time zone.
    """

    scheduled_at: datetime | None = None
    timeout: float | None = None
    priority: int | None = None
    max_retries: int | None = None


class JobError(Exception):
    """A job has no result."""

    def __init__(self, job_id: str, message: str) -> None:
        super().__init__(f"job {job_id} {message}")
        self.job_id = job_id


class JobFailed(JobError):
    """The job ended as failed; `traceback` is its last error."""

    def __init__(self, job_id: str, traceback: str | None) -> None:
        super().__init__(job_id, f"failed: {traceback}")
        self.traceback = traceback


class JobCancelled(JobError):
    """The job ended as cancelled."""


class JobUnknown(JobError):
    """There is no such job: not committed yet, or its task keeps no history."""


@dataclass(frozen=True)
class Job(Generic[_T]):
    """A published job."""

    id: str

    async def is_done(self, connection: Connection) -> bool:
        """Whether the job has ended, well or not."""
        return (await self._look(connection))[0] not in ("pending", "running")

    async def wait(self, connection: Connection, *, limit: float | None = None) -> _T:
        """Waits for the result; after `limit` seconds raises TimeoutError, and the job goes on.

        Commit first: a job is worked on when the transaction that published it has ended.
        """
        end = None if limit is None else time.monotonic() + limit
        pause = 0.01
        while True:
            status, result, traceback = await self._look(connection)
            if status == "success":
                return cast(_T, None if result is None else json.loads(result))
            if status == "failed":
                raise JobFailed(self.id, traceback)
            if status == "cancelled":
                raise JobCancelled(self.id, "was cancelled")
            left = pause if end is None else end - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"job {self.id} takes longer than {limit} s")
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 1.5, 1.0)

    async def _look(self, connection: Connection) -> tuple[str, str | None, str | None]:
        row = await connection.fetchrow("select status, result::text, traceback from jobs.result($1)", self.id)
        if row is None:
            raise JobUnknown(self.id, "is unknown: not committed yet, or its task keeps no history")
        return row[0], row[1], row[2]


async def _publish(
    connection: Connection,
    task: str,
    required: dict[str, Any],
    optional: dict[str, Any],
    options: Options,
    defaults: Options,
) -> Job[Any]:
    kwargs = required | {name: value for name, value in optional.items() if value is not None}
    row = await connection.fetchrow(
        "select job_id from jobs.publish($1, $2::text::jsonb, $3, $4::float8::numeric, $5, $6)",
        task,
        json.dumps({"args": [], "kwargs": kwargs}, allow_nan=False),
        options.scheduled_at,
        defaults.timeout if options.timeout is None else options.timeout,
        defaults.priority if options.priority is None else options.priority,
        defaults.max_retries if options.max_retries is None else options.max_retries,
    )
    return Job(row[0])


async def wait_all(connection: Connection, jobs: Sequence[Job[_R]], *, limit: float | None = None) -> list[_R]:
    """Waits for the results of all of these jobs, in their order; after `limit` seconds raises TimeoutError."""
    end = None if limit is None else time.monotonic() + limit
    return [await job.wait(connection, limit=None if end is None else max(end - time.monotonic(), 0.0)) for job in jobs]


class NodeEdge(TypedDict):
    """What a node waits for. Without `on_failure` as the workflow says; `condition`: what the result contains."""

    node: str
    when: NotRequired[Literal["success", "failure", "ended"]]
    on_failure: NotRequired[Literal["hold", "cancel", "continue"]]
    condition: NotRequired[Any]


class WorkflowNode(TypedDict):
    """A node of a workflow: the job of `body`, or one for each body, or element of a node's array, of `each`.

    `bind` fills in arguments by results of nodes, for which it then waits; `after` waits without taking a result.
    """

    task: str
    name: NotRequired[str]
    body: NotRequired[Mapping[str, Any]]
    each: NotRequired[Sequence[Mapping[str, Any]] | Mapping[str, Any]]
    after: NotRequired[Sequence[str | NodeEdge]]
    bind: NotRequired[Mapping[str, str | Mapping[str, str]]]
    undo: NotRequired[Mapping[str, Any]]
    keep_results: NotRequired[bool]
    unique: NotRequired[Literal[False]]
    priority: NotRequired[int]
    timeout: NotRequired[float]
    max_retries: NotRequired[int]
    delay: NotRequired[float]
    scheduled_at: NotRequired[str]
    meta: NotRequired[Mapping[str, Any]]


class WorkflowEnded(Exception):
    """A workflow has ended, and has no result: it is failed (a retry resumes it), cancelled or compensated."""

    def __init__(self, workflow_id: int, state: str, reason: str | None) -> None:
        super().__init__(f"workflow {workflow_id} is {state}" + ("" if reason is None else f": {reason}"))
        self.workflow_id = workflow_id
        self.state = state
        self.reason = reason


@dataclass(frozen=True)
class Workflow:
    """A published workflow."""

    id: int

    async def wait(self, connection: Connection, *, limit: float | None = None) -> Any:
        """Waits for its result; after `limit` seconds raises TimeoutError, and the workflow goes on."""
        end = None if limit is None else time.monotonic() + limit
        pause = 0.01
        while True:
            row = await connection.fetchrow("select state, result::text, reason from jobs.workflow_result($1)", self.id)
            if row[0] == "success":
                return None if row[1] is None else json.loads(row[1])
            if row[0] not in ("running", "compensating"):
                raise WorkflowEnded(self.id, row[0], row[2])
            left = pause if end is None else end - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"workflow {self.id} takes longer than {limit} s")
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 1.5, 1.0)


async def publish_workflow(
    connection: Connection,
    nodes: Sequence[WorkflowNode],
    *,
    name: str | None = None,
    on_failure: Literal["hold", "cancel", "cancel_all", "continue", "compensate"] | None = None,
    timeout: float | None = None,
    result: str | None = None,
    meta: Mapping[str, Any] | None = None,
) -> Workflow:
    """Publishes a workflow, all or nothing. `timeout`: seconds, after which what is left is cancelled; `result`: the
    node whose result is the workflow's."""
    given = {"on_failure": on_failure, "timeout": timeout, "result": result, "meta": meta}
    row = await connection.fetchrow(
        "select jobs.publish_workflow($1::text::jsonb, $2, $3::text::jsonb)",
        json.dumps(nodes, allow_nan=False),
        name,
        json.dumps({key: value for key, value in given.items() if value is not None}, allow_nan=False),
    )
    return Workflow(row[0])
