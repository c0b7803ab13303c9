"""How fast is actortree beside its peers, on this machine, today?"""
