"""The axis: to scale between folds, in order everywhere, and with labels that never touch."""

import itertools
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from incidents.timeline_scale import MOST_FOLDS, TimelineScale

ORIGIN = datetime.fromisoformat("2024-03-06T09:11")
MOMENTS = st.lists(
    st.integers(0, 3 * 365 * 86400).map(lambda seconds: ORIGIN + timedelta(seconds=seconds)), min_size=1, max_size=60
)
HOST_BINDING = [
    datetime.fromisoformat(f"2024-03-{text}")
    for text in ("06T09:11", "06T09:44", "11T10:57", "12T22:00", "13T13:12", "14T01:06", "14T05:15", "14T06:26")
]


@given(MOMENTS)
def test_later_is_further_right_and_nothing_leaves_the_axis(moments: list[datetime]) -> None:
    scale = TimelineScale(moments, 100, 700)
    places = [scale.x(moment) for moment in sorted(set(moments))]
    assert all(100 - 0.01 <= x <= 700 + 0.01 for x in places)
    assert all(left < right for left, right in itertools.pairwise(places))
    assert abs(scale.stretches[-1].right - 700) < 0.01
    assert len(scale.folds()) <= MOST_FOLDS


@given(MOMENTS, st.sampled_from([(60.0, 330.0), (100.0, 700.0)]))
def test_tick_labels_never_touch_and_stay_inside(moments: list[datetime], axis: tuple[float, float]) -> None:
    scale = TimelineScale(moments, *axis)
    ticks = scale.ticks(6.6, axis[1] + 14)
    labels = sorted((tick.left, tick.right) for tick in ticks)
    assert ticks
    assert all(first[1] < second[0] for first, second in itertools.pairwise(labels))
    assert labels[-1][1] <= axis[1] + 14.01


def test_the_two_empty_stretches_of_the_host_binding_incident_are_folded() -> None:
    folds = TimelineScale(HOST_BINDING, 100, 700).folds()
    assert [fold.end - fold.start for fold in folds] == [
        timedelta(days=5, hours=1, minutes=13),
        timedelta(hours=35, minutes=3),
    ]


def test_the_night_of_the_impact_is_drawn_to_scale() -> None:
    scale = TimelineScale(HOST_BINDING, 100, 700)
    warning = scale.x(HOST_BINDING[5]) - scale.x(HOST_BINDING[3])
    used = scale.x(HOST_BINDING[5]) - scale.x(HOST_BINDING[4])
    assert abs(used / warning - 11.9 / 27.1) < 0.02


def test_a_single_moment_stands_in_the_middle() -> None:
    assert TimelineScale([ORIGIN], 100, 700).x(ORIGIN) == 400


def test_each_run_begins_with_its_date_and_the_first_names_the_year() -> None:
    texts = [tick.text for tick in TimelineScale(HOST_BINDING, 100, 700).ticks(6.6, 716)]
    assert texts[:2] == ["6 Mar 2024", "12 Mar"]
    assert "14 Mar" in texts
