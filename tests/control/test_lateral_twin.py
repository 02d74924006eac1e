    twin = lateral_twin.LateralTwin(TRUCK["lateral"], TRUCK["vehicle"], None)
    model = yaw_plane_twin.YawPlane(TRUCK["vehicle"], 40000.0, 25.0)
    behind, rear_m = model.hitch_m + model.trailer_m, float(TRUCK["vehicle"]["rear_overhang_m"])
    assert 3.0 < rear_m - behind < 5.0
    low, high = (float(bound) for bound in twin.rear_bounds(model, curvature, askew, -0.5, 0.6))
    rears = [axles - (rear_m - behind) * askew - 0.5 * curvature * rear_m**2 for axles in (low, high)]
    axles = [low - 0.5 * curvature * behind**2, high - 0.5 * curvature * behind**2]
    assert min(*rears, *axles) == pytest.approx(-0.5) and max(*rears, *axles) == pytest.approx(0.6)
    tight = twin.rear_bounds(model, curvature, 0.3, -0.05, 0.05)
    assert tight[1] - tight[0] == pytest.approx(2.0 * lateral_twin.LEAST_ROOM_M), "never an empty box"
