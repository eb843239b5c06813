"""Language models at any service that speaks the chat completions protocol: asking, costs, kept replies."""
