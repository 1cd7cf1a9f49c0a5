"""What `segue ask` is made of: the prompt, the model's command, the reply and its delivery."""
