"""No label covers another or another's leader, however close the marks stand."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from incidents.label_placement import PlacedLabel, place_labels

LEFT, RIGHT = 80.0, 716.0
WIDTHS = st.floats(8, 260)
# Marks of one lane stand at least two pixels apart: what is closer in time is one mark, or is spread by the scale.
SPREAD = st.lists(
    st.tuples(st.integers(50, 350).map(lambda x: x * 2.0), WIDTHS), max_size=30, unique_by=lambda mark: mark[0]
)


def boxes_touch(first: PlacedLabel, second: PlacedLabel) -> bool:
    return first.tier == second.tier and first.left < second.right and second.left < first.right


def leader_crosses(leader: PlacedLabel, label: PlacedLabel) -> bool:
    same_side = (leader.tier > 0) == (label.tier > 0)
    return same_side and abs(leader.tier) > abs(label.tier) and label.left < leader.mark_x < label.right


@given(SPREAD)
def test_no_label_covers_another_or_its_leader(marks: list[tuple[float, float]]) -> None:
    placed = place_labels(marks, LEFT, RIGHT)
    assert [label.index for label in placed] == list(range(len(marks)))
    for first, second in combinations(placed, 2):
        assert not boxes_touch(first, second)
        assert not leader_crosses(first, second)
        assert not leader_crosses(second, first)


@given(st.lists(st.tuples(st.floats(LEFT, RIGHT), WIDTHS), max_size=20))
def test_even_marks_at_one_place_get_labels_of_their_own(marks: list[tuple[float, float]]) -> None:
    placed = place_labels(marks, LEFT, RIGHT)
    assert len(placed) == len(marks)
    assert not any(boxes_touch(first, second) for first, second in combinations(placed, 2))


@given(SPREAD)
def test_no_label_leaves_the_drawing(marks: list[tuple[float, float]]) -> None:
    assert all(label.left + 1 >= LEFT and label.right <= RIGHT + 1 for label in place_labels(marks, LEFT, RIGHT))


def test_labels_with_room_stay_in_the_first_tier() -> None:
    assert [label.tier for label in place_labels([(100, 90), (300, 90), (500, 90)], LEFT, RIGHT)] == [1, 1, 1]


def test_a_label_at_the_right_edge_runs_left_below_the_line() -> None:
    label = place_labels([(710, 130)], LEFT, RIGHT)[0]
    assert (label.tier, label.right) == (-1, 711)
