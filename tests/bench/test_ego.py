"""The benchmark times what the filter does: its repetition in C runs, and no faster than the work can be done."""

from autonomy import config
from autonomy.estimation.ego._benchmark import predict_update
from autonomy.parameters import load_section


def test_a_prediction_and_an_update_take_their_time():
    parameters = load_section(config.load("ego"), "ego", "EgoParameters")
    assert predict_update(parameters, 200) > 100.0  # ns; 26 x 26 covariance, six rows: more than 10 000 multiplications
