"""A folder of all runs that lies elsewhere, as in a bucket: what is there, leases on work, and the local mirror."""
