"""What the user writes, section by section: frozen pydantic types that know nothing of how a plant is built."""
