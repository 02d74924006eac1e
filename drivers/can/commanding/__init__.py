"""What the stack asks of the truck's controllers: TSC1, XBR, a supplier's steering frames, lights; and how they read it."""
