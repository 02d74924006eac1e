"""The stack as a real-time program: `autonomy run`. docs/runtime.md tells what runs where."""
