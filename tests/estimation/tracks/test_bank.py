"""Motion, update, mixing and combination of all tracks at once (_probe) beside the twin, which does them one by one."""

import numpy as np
import pytest
from autonomy.estimation.tracks._probe import TrackBank
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.estimation.tracks.tracks_twin import combine, mix, packed, predict, unpacked, update
from tests.step_parameters import step_parameters

PARAMETERS = step_parameters()["tracks"]


def random_bank(seed, tracks=7):
    """(mean (2, 6, n), covariance (2, 21, n), probability (2, n)) of vehicles all around, some standing."""
    rng = np.random.default_rng(seed)
    mean = np.stack([rng.uniform(-50, 150, (2, tracks)), rng.uniform(-8, 8, (2, tracks)), rng.uniform(0, 35, (2, tracks)),
                     rng.uniform(-2, 2, (2, tracks)), rng.uniform(-5, 3, (2, tracks)),
                     rng.uniform(-0.2, 0.2, (2, tracks))], axis=1)  # fmt: skip
    mean[:, 2:, 0] = 0.0
    cov = np.zeros((2, 21, tracks))
    for model in range(2):
        for track in range(tracks):
            root = rng.normal(size=(6, 6)) * np.array([0.5, 0.3, 1.0, 0.4, 0.8, 0.05])[:, None]
            cov[model, :, track] = packed(root @ root.T + 1e-4 * np.eye(6))
    probability = rng.uniform(0.05, 0.95, tracks)
    return mean, cov, np.stack([probability, 1.0 - probability])


def measured(rng, share=1.0, rated=True):
    """A measurement near nothing in particular."""
    root = rng.normal(size=(3, 3)) * [0.3, 0.3, 0.2]
    angle = rng.uniform(-1.0, 1.0)
    return {"share": share, "age": rng.uniform(0.0, 0.15), "x": rng.uniform(-50, 150), "y": rng.uniform(-8, 8),
            "range_rate": rng.uniform(-20, 10) if rated else 0.0, "xx": 0.09, "xy": 0.02, "yy": 0.05, "rate_variance": 0.04,
            "sight_x": np.cos(angle) if rated else 0.0, "sight_y": np.sin(angle) if rated else 0.0,
            "own_rate": 20.0 * np.cos(angle) if rated else 0.0,
            "spread": (root @ root.T)[np.triu_indices(3)] if share < 1.0 else np.zeros(6)}  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.001, 0.1), st.floats(0.0, 30.0), st.floats(-0.2, 0.2))
def test_motion_is_that_of_the_twin(seed, dt, own_speed, own_yaw_rate):
    mean, cov, probability = random_bank(seed)
    bank = TrackBank(PARAMETERS, mean, cov, probability)
    bank.predict(dt, own_speed, own_yaw_rate)
    for model in range(2):
        for track in range(mean.shape[2]):
            before = mean[model, :, track], unpacked(cov[model, :, track])
            state, P = predict(PARAMETERS, model, *before, dt, own_speed, own_yaw_rate)
            np.testing.assert_allclose(bank.mean[model, :, track], state, rtol=1e-10, atol=1e-10)
            np.testing.assert_allclose(bank.cov[model, :, track], packed(P), rtol=1e-6, atol=1e-7)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1.0, 0.7, 0.1]), st.booleans())
def test_an_update_is_that_of_the_twin(seed, share, rated):
    mean, cov, probability = random_bank(seed)
    rng = np.random.default_rng(seed)
    bank = TrackBank(PARAMETERS, mean, cov, probability)
    bank.clear()
    given_to = {track: measured(rng, share, rated) for track in (0, 1, 5)}
    for track, values in given_to.items():
        bank.measure(track, **values)
    bank.update(20.0, 0.02)
    for track in range(mean.shape[2]):
        if track not in given_to:
            np.testing.assert_array_equal(bank.mean[:, :, track], mean[:, :, track])
            np.testing.assert_array_equal(bank.probability[:, track], probability[:, track])
            continue
        for model in range(2):
            state, P, _ = update(mean[model, :, track], unpacked(cov[model, :, track]), given_to[track], 20.0, 0.02)
            np.testing.assert_allclose(bank.mean[model, :, track], state, rtol=1e-7, atol=1e-8)
            np.testing.assert_allclose(bank.cov[model, :, track], packed(P), rtol=1e-6, atol=1e-6 * np.abs(P).max())


def test_the_likelier_model_becomes_likelier():
    mean, cov, probability = random_bank(5)
    bank = TrackBank(PARAMETERS, mean, cov, probability)
    bank.clear()
    values = measured(np.random.default_rng(5)) | {"x": mean[1, 0, 2], "y": mean[1, 1, 2], "age": 0.0}
    bank.measure(2, **values)
    bank.update(20.0, 0.0)
    likelihood = np.array([update(mean[m, :, 2], unpacked(cov[m, :, 2]), values, 20.0, 0.0)[2] for m in range(2)])
    expected = probability[:, 2] * likelihood / (probability[:, 2] @ likelihood)
    np.testing.assert_allclose(bank.probability[:, 2], np.clip(expected, 0.001, 0.999), rtol=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.0, 1.0))
def test_mixing_and_combining_are_those_of_the_twin(seed, elapsed):
    mean, cov, probability = random_bank(seed)
    bank = TrackBank(PARAMETERS, mean, cov, probability)
    together = bank.combined()
    bank.mix(elapsed)
    for track in range(mean.shape[2]):
        means, covariances = mean[:, :, track], [unpacked(cov[m, :, track]) for m in range(2)]
        x, P = combine(probability[:, track], means, covariances)
        np.testing.assert_allclose(together[0][:, track], x, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(together[1][:, track], packed(P), rtol=1e-9, atol=1e-9)
        mixed, shares = mix(PARAMETERS, probability[:, track], means, covariances, elapsed)
        np.testing.assert_allclose(bank.probability[:, track], shares, rtol=1e-9)
        for model in range(2):
            np.testing.assert_allclose(bank.mean[model, :, track], mixed[model][0], rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(bank.cov[model, :, track], packed(mixed[model][1]), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_covariances_stay_positive_through_a_hundred_cycles(seed):
    mean, cov, probability = random_bank(seed)
    mean[:, 3:] = 0.0
    rng = np.random.default_rng(seed)
    bank = TrackBank(PARAMETERS, mean, cov, probability)
    for k in range(400):
        bank.predict(0.01, 20.0, 0.0)
        if k % 4 == 0:
            bank.mix(0.04)
            bank.clear()
            then = 0.01 * (k + 1) - 0.05
            for track in range(7):
                near = {"x": mean[0, 0, track] + (mean[0, 2, track] - 20.0) * then + rng.normal(0, 0.3),
                        "y": mean[0, 1, track] + rng.normal(0, 0.3), "age": 0.05}  # fmt: skip
                bank.measure(track, **(measured(rng, (1.0, 0.5)[k % 8 == 0], rated=False) | near))
            bank.update(20.0, 0.0)
    for model in range(2):
        for track in range(7):
            assert np.linalg.eigvalsh(unpacked(bank.cov[model, :, track])).min() > 0.0
