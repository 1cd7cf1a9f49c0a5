"""The parts of `segue ask`: the question, the prompt, the model command, the reply and its delivery."""
