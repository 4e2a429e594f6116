"""The networks. They import no losses, codecs or estimators."""
