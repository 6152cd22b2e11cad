"""Which of these belongs to which of those: the cheapest pairing, in which a row may stay without a partner. Pure."""

from heapq import heappop, heappush
from math import inf

import numpy as np
from numpy.typing import NDArray


def cheapest_pairs(cost: NDArray[np.float64], alone: float) -> list[tuple[int, int]]:
    """Pairs (row, column) of least total cost; a row that stays alone costs `alone`.

    cost: (n, m), inf where a pair is impossible. Successive shortest paths (Jonker and Volgenant 1987, Computing
    38:325-340) over the possible pairs alone: a search stays among those that compete, and these are few.
    """
    n, m = cost.shape
    solver = _Solver(n, m, alone)
    rows, columns = np.nonzero(cost < alone)
    for row, column, price in zip(rows.tolist(), columns.tolist(), cost[rows, columns].tolist(), strict=True):
        solver.prices[row][column] = price
    for row in range(n):
        solver.augment(row)
    return [(row, column) for row, column in enumerate(solver.column_of) if column < m]


class _Solver:
    """Rows by columns; each row has one more column of its own, at the cost of staying alone."""

    def __init__(self, n: int, m: int, alone: float) -> None:
        self.prices = [{m + row: alone} for row in range(n)]
        self.column_of = [-1] * n
        self.row_of = [-1] * (m + n)
        self.dual = [0.0] * (m + n)  # of each column; of a row it is the price less the dual of the column that it has

    def augment(self, start: int) -> None:
        """Dijkstra over reduced costs from a free row to a free column; then shift along the path."""
        reached: list[tuple[float, int, int]] = []  # how far, column, from which row
        shortest: dict[int, float] = {}
        came_from: dict[int, int] = {}  # of columns that are done
        row, so_far = start, 0.0
        while row >= 0:
            for column, price in self.prices[row].items():
                path = so_far + price - self.dual[column]
                if path < shortest.get(column, inf):
                    shortest[column] = path
                    heappush(reached, (path, column, row))
            far, column, before = heappop(reached)
            while column in came_from:
                far, column, before = heappop(reached)
            came_from[column] = before
            row = self.row_of[column]
            so_far = far - self.prices[row][column] + self.dual[column] if row >= 0 else far
        for passed in came_from:
            self.dual[passed] += shortest[passed] - far
        while column >= 0:
            row = came_from[column]
            self.row_of[column], self.column_of[row], column = row, column, self.column_of[row]
