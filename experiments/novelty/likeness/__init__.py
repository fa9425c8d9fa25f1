"""Likeness: is a program like those that many authors wrote for a technique?"""
