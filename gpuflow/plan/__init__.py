"""Logical plans: nodes, the functions that check and build them (`build`), their text (`printing`) and token."""
