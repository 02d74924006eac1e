"""What the suite `perception` is made of: drives with an emulated lidar, and one file a kind of figure."""
