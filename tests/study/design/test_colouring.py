import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from snellen.study.design.colouring import colour_edges

from .helpers import spread


@given(
    st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1),
    st.integers(1, 30),
    st.randoms(use_true_random=False),
)
def test_every_bipartite_graph_can_be_coloured_evenly(edges, colours, random):
    edges = sorted(edges)
    random.shuffle(edges)
    found = np.array(colour_edges(edges, colours))
    assert spread(found, colours) <= 1
    for side in (0, 1):
        for vertex in range(10):
            here = [edge[side] == vertex for edge in edges]
            assert spread(found[here], colours) <= 1
