"""The networks. They know nothing of losses, codecs or estimators."""
