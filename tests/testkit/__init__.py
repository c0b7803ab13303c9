"""Is what tests use itself right, on real threads and in a simulation?"""
