"""What each lesson says in numbers and laws, its answers to "Try it" too."""
