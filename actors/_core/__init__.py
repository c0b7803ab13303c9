"""Can one message reach one agent, and what happens when it fails?"""
