"""What f may lack, as explanations that compete, and the law of the one that wins."""
