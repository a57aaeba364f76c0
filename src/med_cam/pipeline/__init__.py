"""The method from an image to an explanation: propose, reduce, certify, test."""
