"""How long a program of whole ops takes, exactly: units take tasks in program order, and tasks wait for tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from archsim.ir.mapping import Loop, Node, Task

Price = Callable[[Task, Mapping[str, int]], int]
"""(task, its arguments as numbers) -> ps."""
_State = dict[str, int]
"""Task -> when its latest instance ended; unit, marked, -> when it is free."""


def makespan(body: tuple[Node, ...], price: Price) -> int:
    """Time until the last task has ended, ps.

    A loop in which nothing depends on its variable is walked until two iterations have moved everything in it by the
    same time; so will the rest, since what is older than the loop can no longer be what anything waits for.
    """
    state: _State = {}
    _Walk(price).body(body, {}, state)
    return max(state.values(), default=0)


class _Walk:
    def __init__(self, price: Price) -> None:
        self.price = price
        self.known: dict[tuple[str, tuple[int, ...]], int] = {}
        self.inside: dict[int, tuple[frozenset[str], tuple[str, ...]]] = {}

    def body(self, nodes: tuple[Node, ...], env: dict[str, int], state: _State) -> None:
        """Tasks and loops, one after the other in program order."""
        for node in nodes:
            if isinstance(node, Loop):
                self.loop(node, env, state)
                continue
            key = f"@{node.unit}"
            start = state.get(key, 0)
            for after in node.after:
                start = max(start, state.get(after.task, 0))
            state[key] = state[node.name] = start + self.time(node, env)

    def loop(self, loop: Loop, env: dict[str, int], state: _State) -> None:
        """All iterations, or the first ones and a multiple."""
        used, keys = self.about(loop)
        steps: list[int] | None = None
        for at in range(loop.count):
            before = dict(state)
            self.body(loop.body, {**env, loop.var: at}, state)
            moved = [state[key] - before[key] for key in keys if key in before]
            if loop.var not in used and len(moved) == len(keys) and moved == steps and len(set(moved)) == 1:
                for key in keys:
                    state[key] += moved[0] * (loop.count - 1 - at)
                return
            steps = moved

    def about(self, loop: Loop) -> tuple[frozenset[str], tuple[str, ...]]:
        """Loop variables that sizes in a loop follow, and what its tasks change."""
        if id(loop) not in self.inside:
            used, keys = frozenset[str](), dict[str, None]()
            for node in loop.body:
                if isinstance(node, Loop):
                    inner, more = self.about(node)
                    used |= inner
                    keys |= dict.fromkeys(more)
                else:
                    used |= frozenset[str]().union(*(size.names() for size in node.args.values()))
                    keys |= {node.name: None, f"@{node.unit}": None}
            self.inside[id(loop)] = used, tuple(keys)
        return self.inside[id(loop)]

    def time(self, task: Task, env: Mapping[str, int]) -> int:
        """Of one instance."""
        values = {name: size.base if not size.terms else int(size.at(env)) for name, size in task.args.items()}
        key = (task.name, tuple(values.values()))
        if key not in self.known:
            self.known[key] = self.price(task, values)
        return self.known[key]
