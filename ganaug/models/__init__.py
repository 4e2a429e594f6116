"""Parts that the models of tables, images and pairs share."""
