"""The numerical core of Tenfold: geometry, noise, blending, sampling, models and film of powers-of-ten zooms."""
