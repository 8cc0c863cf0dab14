"""Orders of the models dealt so that every person, every picture and the study see each equally.

People and pictures are the two sides of a graph, a trial is an edge, an order of the models is a
colour. Wanted is an *equitable* colouring: at every vertex, and over all edges, the numbers of
edges of any two colours differ by at most one. It exists for every bipartite graph and every number
k of colours (de Werra, "Equitable colorations of graphs", RIRO 5 (1971)): split each vertex into
parts of at most k edges, colour the edges so that no part has two of one colour (König 1916; edge
by edge, swapping two colours along an alternating path where no colour is free at both ends), then
make the classes equally large by swapping along alternating paths that have one edge more of the
larger class.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["colour_edges"]


def colour_edges(edges: Sequence[tuple[int, int]], colours: int) -> list[int]:
    """Colour a bipartite graph's edges so that every vertex has all colours equally often.

    Args:
        edges: (left, right) numbers of the vertices. The colouring depends on their order; shuffle
            them for a random one.
        colours: how many, at least 1.

    Returns:
        A colour 0 … colours − 1 for each edge. At each left and each right vertex, and over all
        edges, the counts of any two colours differ by at most one.

    >>> colour_edges([(0, 0), (0, 1), (1, 0), (1, 1)], 2)
    [0, 1, 1, 0]
    """
    return _Colouring(edges, colours).found()


class _Colouring:
    """Edge by edge; vertices are the parts of at most `colours` edges."""

    def __init__(self, edges: Sequence[tuple[int, int]], colours: int) -> None:
        self._colours = colours
        self._ends = _split(edges, colours)
        vertices = 1 + max((max(pair) for pair in self._ends), default=-1)
        self._edge_at: list[dict[int, int]] = [{} for _ in range(vertices)]  # colour → edge
        self._free = [(1 << colours) - 1] * vertices  # a bit for each colour
        self._colour = [-1] * len(edges)

    def found(self) -> list[int]:
        turn = 0
        for edge, (u, v) in enumerate(self._ends):
            if common := self._free[u] & self._free[v]:
                colour = _next_bit(common, turn)
            else:
                colour, other = _next_bit(self._free[u], turn), _next_bit(self._free[v], turn)
                # `colour` is taken at v. The path from v over edges of the two colours does not
                # end at u, since it would reach u's side by `colour`, which is free at u.
                self._swap(self._path(v, colour, other), colour, other)
            self._put(edge, colour)
            turn = (colour + 1) % self._colours
        self._even_out()
        return self._colour

    def _put(self, edge: int, colour: int) -> None:
        self._colour[edge] = colour
        for vertex in self._ends[edge]:
            self._edge_at[vertex][colour] = edge
            self._free[vertex] &= ~(1 << colour)

    def _path(self, vertex: int, colour: int, other: int) -> list[int]:
        """The edges of the alternating path from `vertex`, where `other` is free."""
        path = []
        while (edge := self._edge_at[vertex].get(colour)) is not None:
            path.append(edge)
            u, v = self._ends[edge]
            vertex = v if vertex == u else u
            colour, other = other, colour
        return path

    def _swap(self, path: list[int], colour: int, other: int) -> None:
        for edge in path:
            for vertex in self._ends[edge]:
                self._edge_at[vertex].pop(self._colour[edge], None)
                self._free[vertex] |= 1 << self._colour[edge]
            self._colour[edge] = other if self._colour[edge] == colour else colour
        for edge in path:
            self._put(edge, self._colour[edge])

    def _even_out(self) -> None:
        """Swap until any two classes differ by at most one edge."""
        sizes = [0] * self._colours
        for colour in self._colour:
            sizes[colour] += 1
        while max(sizes) - min(sizes) > 1:
            large, small = sizes.index(max(sizes)), sizes.index(min(sizes))
            self._swap(self._longer_in(large, small), large, small)
            sizes[large] -= 1
            sizes[small] += 1

    def _longer_in(self, large: int, small: int) -> list[int]:
        """An alternating path with one edge more of `large`: one exists, since `large` is larger.

        It begins and ends where `small` is free.
        """
        for edge, colour in enumerate(self._colour):
            if colour == large:
                for vertex in self._ends[edge]:
                    if small not in self._edge_at[vertex]:
                        path = self._path(vertex, large, small)
                        if len(path) % 2:
                            return path
        raise AssertionError("no path has more edges of the larger class")


def _split(edges: Sequence[tuple[int, int]], colours: int) -> list[tuple[int, int]]:
    """Number anew the parts of at most `colours` edges of each vertex, left and right apart."""
    seen: dict[tuple[int, int], int] = {}  # (side, vertex) → edges so far
    parts: dict[tuple[int, int], int] = {}  # its newest part
    count = 0
    found = []
    for edge in edges:
        ends = []
        for key in enumerate(edge):
            if seen.setdefault(key, 0) % colours == 0:
                parts[key] = count
                count += 1
            seen[key] += 1
            ends.append(parts[key])
        found.append((ends[0], ends[1]))
    return found


def _next_bit(bits: int, turn: int) -> int:
    """The first bit that is set from `turn` on, else the first of all."""
    later = bits >> turn << turn
    chosen = later or bits
    return (chosen & -chosen).bit_length() - 1
