"""What people type: checked, compared, and drawn as safe HTML."""
