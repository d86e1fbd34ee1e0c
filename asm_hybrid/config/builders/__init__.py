"""From a config and its kinetics table to what is simulated: layout, loops, influent, values; names are checked."""
