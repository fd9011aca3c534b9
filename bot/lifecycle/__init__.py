"""What happens by itself: scheduled digests, the Home tab, observation, and the sweeps that find what was lost."""
