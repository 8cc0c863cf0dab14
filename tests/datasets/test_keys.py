import numpy as np

from snellen.datasets.keys import digest_text, philox, shuffled


def test_a_stream_depends_on_every_part_of_its_key():
    first = {int(philox(*key).random_raw()) for key in [("a", 1), ("a", 2), ("b", 1), ("a1",)]}
    assert len(first) == 4


def test_a_stream_is_the_same_for_ever():
    # Runs are resumed by newer versions: these numbers must not change.
    assert philox("crops", 0).random_raw(2).tolist() == EXPECTED


EXPECTED = [13632420589530963943, 17560357325102197463]


def test_shuffled_holds_everything_once():
    np.testing.assert_array_equal(np.sort(shuffled(1000, "x")), np.arange(1000))


def test_shuffled_moves_nearly_everything():
    assert (shuffled(1000, "x") == np.arange(1000)).sum() < 10


def test_every_order_of_three_comes_up_equally_often():
    orders = np.array([shuffled(3, "x", seed) for seed in range(3000)]) @ [9, 3, 1]
    _, counts = np.unique(orders, return_counts=True)
    assert len(counts) == 6
    assert abs(counts - 500).max() < 100  # four and a half standard deviations


def test_digests_of_texts_differ_even_where_they_are_no_unicode():
    assert digest_text("a\udcff") != digest_text("a\udcfe")
