"""After sampling: levels made larger stage by stage, agreeing again after each."""
