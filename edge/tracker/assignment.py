"""Which of these belongs to which of those: the cheapest pairing, in which a row may stay without a partner. Pure."""

from collections.abc import Sequence
from math import inf

import numpy as np
from numpy.typing import NDArray

Pairs = list[tuple[int, int]]


def cheapest_pairs(cost: NDArray[np.float64], alone: float) -> Pairs:
    """Pairs (row, column) of least total cost; a row that stays alone costs `alone`.

    cost: (n, m), inf where a pair is impossible. Successive shortest paths with the row minima as first duals (Jonker
    and Volgenant 1987, Computing 38:325-340): rows that want different columns are done at once, which is nearly all.
    """
    n, m = cost.shape
    if not n or not m:
        return []
    pairs, rows = _undisputed(cost, alone)
    if not rows:
        return pairs
    columns = sorted({int(c) for c in np.flatnonzero((cost[rows] < alone).any(axis=0))})
    solved = _Solver(cost[np.ix_(rows, columns)], alone).solved()
    return pairs + [(rows[row], columns[column]) for row, column in solved]


def _undisputed(cost: NDArray[np.float64], alone: float) -> tuple[Pairs, list[int]]:
    """Pairs whose row and column know no other, and the rows that are left."""
    possible = cost < alone
    per_row, per_column = possible.sum(axis=1), possible.sum(axis=0)
    best = possible.argmax(axis=1)
    clear = (per_row == 1) & (per_column[best] == 1)
    rows = np.flatnonzero(clear)
    return list(zip(rows.tolist(), best[rows].tolist(), strict=True)), np.flatnonzero(~clear & (per_row > 0)).tolist()


class _Solver:
    """Rows by columns; each row has one more column of its own, at the cost of staying alone."""

    def __init__(self, cost: NDArray[np.float64], alone: float) -> None:
        self.n, self.m = cost.shape
        own = np.full((self.n, self.n), inf)
        np.fill_diagonal(own, alone)
        whole = np.hstack([np.where(cost < alone, cost, inf), own])
        least = whole.min(axis=1)
        self.cost: list[list[float]] = (whole - least[:, None]).tolist()  # reduced by the row duals
        self.column_dual = [0.0] * (self.n + self.m)
        self.row_dual = [0.0] * self.n
        self.row_of = [-1] * (self.n + self.m)
        self._wanted: Sequence[int] = whole.argmin(axis=1).tolist()

    def solved(self) -> Pairs:
        free = []
        for row, column in enumerate(self._wanted):
            if self.row_of[column] < 0:
                self.row_of[column] = row
            else:
                free.append(row)
        for row in free:
            self._augment(row)
        return [(self.row_of[column], column) for column in range(self.m) if self.row_of[column] >= 0]

    def _augment(self, start: int) -> None:
        """Dijkstra over reduced costs from a free row to a free column; then shift along the path."""
        columns = self.n + self.m
        shortest, came_from, done = [inf] * columns, [-1] * columns, [False] * columns
        row, column, far = start, -1, 0.0
        while True:
            costs, u = self.cost[row], self.row_dual[row]
            nearest, best = inf, -1
            for c in range(columns):
                if done[c]:
                    continue
                path = far + costs[c] - u - self.column_dual[c]
                if path < shortest[c]:
                    shortest[c], came_from[c] = path, column
                if shortest[c] < nearest:
                    nearest, best = shortest[c], c
            far, column = nearest, best
            done[column] = True
            row = self.row_of[column]
            if row < 0:
                break
        self._shift(start, column, came_from, [(c, far - shortest[c]) for c in range(columns) if done[c]], far)

    def _shift(self, start: int, column: int, came_from: list[int], slack: list[tuple[int, float]], far: float) -> None:
        self.row_dual[start] += far
        for c, amount in slack:
            self.column_dual[c] -= amount
            if self.row_of[c] >= 0:
                self.row_dual[self.row_of[c]] += amount
        while column >= 0:
            before = came_from[column]
            self.row_of[column] = start if before < 0 else self.row_of[before]
            column = before
