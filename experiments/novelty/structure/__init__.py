"""The structure channel: formulae, small code and settings, reduced to what they compute or change."""
