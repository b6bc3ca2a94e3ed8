"""From prompts to token ids and roles."""
