"""What a key is for, without any service: its terms, the form that they are typed into, and their words."""
