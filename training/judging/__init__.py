"""How good a bundle is: what a file sees (`looks`), judged (`judge`) as figures, and told as report and card."""
