"""The lateral controller over the linear yaw-plane model, without estimators: its eigenvalues, and its code with all bounds."""
